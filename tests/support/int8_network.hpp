/// \file
/// A small seeded network of every operator that runs in INT8, the same on every machine.
#pragma once

#include <map>
#include <string>

#include "tessera/calibration.hpp"

namespace tessera::test {

/// Values from a generator that is written out: standard distributions differ between libraries.
HostTensor portableRandom(Shape shape, unsigned seed, float low, float high);

/// Convolutions (3 to 7 wide, strides, dilation, groups, depthwise, pointwise), deconvolutions, pooling,
/// concat, residuals, resize, slice, pad, pointwise chains (batch norms after concats, too), fully connected,
/// and every exactly rounded activation.
Graph int8Network();
std::map<std::string, HostTensor> int8NetworkInput();
/// Thresholds are powers of two above the largest values, so that no rounding of the float network reaches
/// them.
Calibration calibrationOf(const Graph& network, const std::map<std::string, HostTensor>& inputs);
inline Calibration int8NetworkCalibration(const Graph& network) {
  return calibrationOf(network, int8NetworkInput());
}

}  // namespace tessera::test
