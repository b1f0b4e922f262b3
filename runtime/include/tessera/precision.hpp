/// \file
/// What layers are computed in, and how their tensors are kept.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// Fp32: floats everywhere. Fp16: activations and weights are kept in half precision, sums in fp32; every
/// device can (docs/numerics.md). Int8: codes of 8 bits where a calibration allows, other layers as
/// PrecisionOptions::rest says.
enum class Precision { Fp32, Fp16, Int8 };
std::string_view toString(Precision precision);   ///< as parsePrecision() reads it
Precision parsePrecision(std::string_view text);  ///< "fp32", "fp16", "int8"; throws Error(InvalidArgument)

/// What layers run in by the caller's wish.
struct PrecisionOptions {
  std::set<std::string> keepFp32;  ///< names of layers that stay in fp32; an unknown name is an error
  bool keepFirstLast = false;      ///< the first and the last layer with weights stay in fp32
  /// Int8: what layers run in that INT8 leaves, Fp32 or Fp16.
  Precision rest = Precision::Fp32;
};

/// Precision of one layer and why.
struct LayerPrecision {
  std::string layer;                      ///< its name
  std::string op;                         ///< its operator
  Precision precision = Precision::Fp32;  ///< that it got
  std::string reason;                     ///< for people
  double multiplyAdds = 0;                ///< of one run
};

/// Rewrites an optimised fp32 graph into one that keeps activations and weights in half precision; inputs and
/// outputs of the network stay f32. Layers whose operator takes no half, or whose constants half cannot hold,
/// stay in fp32. Throws Error(InvalidArgument) for unknown names in the options.
Graph assignFp16(const Graph& optimized, const PrecisionOptions& options,
                 std::vector<LayerPrecision>* report = nullptr);

}  // namespace tessera
