/// \file
/// Which layers read what is coded with one scale, and how much that coding costs.
#pragma once

#include <string>
#include <vector>

#include "calib/auto_calibration.hpp"

namespace tessera {

/// Tensors that share one scale, and the layers with weights that read them.
struct ScaleGroup {
  std::vector<std::string> tensors, readers;
  double share = 0;  ///< of the network's multiply-adds that the readers make
  double noise = 0;  ///< of coding, relative to the tensors' power
  bool large =
      false;  ///< a reader's output is among the largest tensors: as floats it would cost INT8's memory
};

/// The groups of a calibration, noisiest first.
std::vector<ScaleGroup> scaleGroups(const AutoInputs& inputs, const Calibration& calibration);

}  // namespace tessera
