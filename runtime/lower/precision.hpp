/// \file
/// Deciding which layers and tensors of a graph become INT8.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "lower/precision_plan.hpp"
#include "lower/weight_codes.hpp"
#include "ops/pointwise_chain.hpp"
#include "tessera/calibration.hpp"

namespace tessera {

/// How a layer takes part in INT8.
enum class Int8Role {
  Compute,    ///< convolution, deconvolution, fully connected with constant weights
  Pointwise,  ///< a chain of exactly rounded operations: takes and gives codes or floats
  Average,    ///< average pooling
  Moving,     ///< codes pass as they are; inputs and outputs share one scale
  Encode,     ///< the model itself makes codes here (lower/explicit_codes.hpp)
  Decode,     ///< the model itself makes floats of codes here
  Float,      ///< computed in floating point
};
Int8Role int8Role(const Graph& graph, const Layer& layer);
/// Those of a layer's tensors that may carry codes: neither constants nor absent.
std::vector<TensorId> activations(const Graph& graph, const std::vector<TensorId>& ids);
/// Whether the layer has weights and an integer twin that computes on codes of them.
bool hasIntegerWeights(const Layer& layer);

/// The layer as a chain over its inputs (Scale, unary and binary rows, Pointwise); none where it is not one.
std::optional<PointwiseChain> asChain(const Graph& graph, const Layer& layer);

/// Multiply-adds of a layer with weights or of a product of matrices, 0 for others.
double multiplyAdds(const Graph& graph, const Layer& layer);

/// Throws Error(BadCache), which says what differs, where the calibration was made for another imported graph
/// than this one. Caches of before 2026-12 hold Graph::hash(), which is of one batch and image size.
void requireGraph(const Calibration& calibration, const Graph& imported);

/// Codes of a tensor whose channels differ: x = code * scales[t] * factor[c] + offset[c].
struct ChannelCodes {
  std::vector<float> factor;
  std::vector<float> offset;  ///< empty: zeros
};

/// Decisions for a whole graph.
struct Int8Plan {
  std::vector<Int8Role> roles;       ///< per layer; Compute layers kept in floats have role Float
  std::vector<std::string> reasons;  ///< per layer
  std::vector<bool> coded;           ///< per tensor: stored as codes
  std::vector<float> scales;         ///< per tensor; shared scales resolved; 0: none
  std::vector<std::int64_t> zeros;   ///< per tensor: the zero point of its codes; empty: codes lie around 0
  std::vector<int> group;            ///< per tensor: equal numbers share one scale
  /// Concats in codes whose members keep their own scales: the concat's output -> its members, in order.
  std::map<TensorId, std::vector<TensorId>> members;
  /// Layers whose weights' codes go beyond -127..127: they compute on codes exactly, in fp32.
  std::set<std::string> wideWeights;
  std::map<TensorId, ChannelCodes> channels;  ///< tensors in codes whose channels differ
  bool roundsBySums = false;  ///< weights are rounded so that sums change least: see roundBySums()
  /// By layer: scales of its weights where the model holds codes; the others get max/127.
  std::map<std::string, std::vector<float>> weightScales;
  /// By layer: how its weights' codes differ from the nearest (Calibration::weightSteps).
  std::map<std::string, std::vector<std::int8_t>> weightSteps;

  /// The zero point of a tensor's codes.
  std::int64_t zero(TensorId id) const { return zeros.empty() ? 0 : zeros[id]; }
  /// What the highest and the lowest code of a tensor stand for that is no concat with members.
  double highest(TensorId id) const {
    return static_cast<double>(scales[id]) * static_cast<double>(127 - zero(id));
  }
  double lowest(TensorId id) const {
    return zero(id) == 0 ? -highest(id)
                         : static_cast<double>(scales[id]) * static_cast<double>(-128 - zero(id));
  }
  /// The scale of channel c of a tensor in codes that is no concat with members.
  float channelScale(TensorId id, std::int64_t c) const;
  /// The scale that layers with weights read a tensor with: its own; of a concat with members the largest.
  float readScale(TensorId id) const;
  bool channelsDiffer(TensorId id) const { return members.count(id) || channels.count(id); }
  /// How the channels of a tensor differ from readScale(), through concats with members; empty where they do
  /// not.
  ChannelCodes channelsOf(const Graph& graph, TensorId id) const;
};
/// Throws Error(BadCache) that names the tensor where a scale is no positive number.
Int8Plan planInt8(const Graph& graph, const Calibration& calibration, const PrecisionPlan& wanted);
/// The same by the rules; see planByRules().
Int8Plan planInt8(const Graph& graph, const Calibration& calibration, const PrecisionOptions& options);

/// Why a layer of Calibration::halfLayers runs in fp16.
inline constexpr const char* kHalfByCalibration = "kept in half by calibration";

/// Zero points where the calibration knows the least values of all tensors that share a scale, and those are
/// well above what their thresholds allow: codes then reach from the least value to the threshold.
void placeZeros(const Graph& graph, const Calibration& calibration, Int8Plan& plan);

/// The constant weights of a compute layer, multiplied with the factors of its input's channels.
HostTensor weightsToCode(const Graph& graph, const Layer& layer, const Int8Plan& plan);
/// Those weights as codes. Throws Error(BadCache) that names the layer where the plan's steps are not as
/// many.
CodedWeights weightCodesOf(const Graph& graph, const Layer& layer, const Int8Plan& plan);
/// What the offsets of the layer's input and residual add to every output channel, less the output's own;
/// empty: nothing has offsets.
std::vector<double> offsetsThrough(const Graph& graph, const Layer& layer, const Int8Plan& plan,
                                   const CodedWeights& weights);
/// Which input channel weights of a layer multiply.
class InputChannels {
 public:
  InputChannels(const Layer& layer, const Shape& weights);
  std::int64_t operator()(std::int64_t weight) const {
    const std::int64_t first = weight / row_, second = weight / taps_ % perRow_;
    return transposed_ ? first : first / rowsPerGroup_ * perRow_ + second;
  }

 private:
  bool transposed_;
  std::int64_t taps_, perRow_, row_, rowsPerGroup_;
};

}  // namespace tessera
