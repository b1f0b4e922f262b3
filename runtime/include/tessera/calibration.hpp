/// \file
/// INT8 scales of a network's tensors, and the precision of its layers that follows from them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tessera/graph.hpp"
#include "tessera/precision.hpp"

namespace tessera {

/// What calibration found: portable to any device. Keys are names of the source model's tensors and layers.
struct Calibration {
  std::string graphName;        ///< Graph::name of the network
  std::uint64_t graphHash = 0;  ///< of the imported network's structure and weights, whatever its batch and
                                ///< image size; 0: not known (foreign caches)
  std::string method;  ///< "auto", "entropy", "minmax", "percentile", "mse", or where the scales came from
  std::map<std::string, float> scales;  ///< by tensor: threshold / 127
  /// By tensor, where its values are known not to fall below that (0 or negative): codes reach from there to
  /// the threshold around a zero point, and use the whole range -128..127.
  std::map<std::string, float> least;
  std::map<std::string, std::vector<float>>
      channelPeaks;                    ///< by tensor: the largest absolute value of each channel
  std::set<std::string> floatTensors;  ///< tensors to keep in floating point though codes would be possible
  std::set<std::string> floatLayers;   ///< layers to keep in floats: what PrecisionOptions::rest says
  std::set<std::string> halfLayers;    ///< layers to keep in fp16
  bool partial =
      false;  ///< tensors without a scale stay in floats (QDQ models); else a missing scale is an error
  std::map<std::string, std::vector<float>>
      biasCorrection;  ///< by layer: added to the bias, one per output channel
  std::map<std::string, std::vector<float>>
      weightScales;  ///< by layer: given scales (ONNX QDQ models); else max/127
  /// By layer, one per weight in the order of the model's tensor: by how much the weight's code differs from
  /// the nearest, -1, 0 or 1.
  std::map<std::string, std::vector<std::int8_t>> weightSteps;
};

/// Names of the tensors whose scales assignInt8 can use: calibration records these.
std::vector<std::string> tensorsToCalibrate(const Graph& optimized);
/// Names of those whose channels may have finer scales: calibration records their channels' peaks.
std::vector<std::string> tensorsWithChannelScales(const Graph& optimized);

/// Rewrites an optimised fp32 graph into one whose layers run in INT8 where an integer body exists
/// (docs/numerics.md); the same on every device. Throws Error(BadCache) that names the tensor where a needed
/// scale is missing, infinite, NaN, zero or negative, and Error(InvalidArgument) for unknown names in the
/// options.
Graph assignInt8(const Graph& optimized, const Calibration& calibration, const PrecisionOptions& options,
                 std::vector<LayerPrecision>* report = nullptr);

}  // namespace tessera
