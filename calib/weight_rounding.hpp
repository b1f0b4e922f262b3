/// \file
/// Rounding weights so that what layers give changes least, by what their inputs have in common.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "calib/input_moments.hpp"
#include "lower/precision.hpp"

namespace tessera {

/// Steps of the weights of every layer of the plan that computes on codes and has moments, for
/// Calibration::weightSteps. One weight after another is coded, no further from it than the code after the
/// nearest; what the codes before it are off by is made up for as far as their inputs say that it can be.
/// This is the closed form of J. Chee et al., "QuIP: 2-Bit Quantization of Large Language Models With
/// Guarantees", NeurIPS 2023, which gives the codes of E. Frantar et al., "GPTQ", ICLR 2023.
std::map<std::string, std::vector<std::int8_t>> roundedWeights(
    const Graph& graph, const Int8Plan& plan, const std::map<std::string, LayerMoments>& moments);

}  // namespace tessera
