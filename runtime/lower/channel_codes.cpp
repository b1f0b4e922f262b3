// Scales and offsets of channels: who can write and read them.
#include "lower/channel_codes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/layer_view.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// act(f * x) = f * act(x) for f > 0.
bool scalesWithItsInput(std::string_view activation) {
  return activation.empty() || activation == "Relu" || activation == "LeakyRelu" || activation == "PRelu";
}

class Finder {
 public:
  Finder(const Graph& graph, const Int8Plan& plan)
      : graph_(graph),
        plan_(plan),
        parent_(graph.tensors().size()),
        bad_(parent_.size(), false),
        noOffset_(parent_.size(), false) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  std::vector<ChannelGroup> run() {
    for (std::size_t t = 0; t < parent_.size(); ++t)
      bad_[t] = !plan_.coded[t] || graph_.tensor(static_cast<TensorId>(t)).shape.size() < 3 ||
                plan_.members.count(static_cast<TensorId>(t));
    for (std::size_t i = 0; i < graph_.layers().size(); ++i) visit(graph_.layers()[i], plan_.roles[i]);
    std::map<int, ChannelGroup> found;
    std::map<int, bool> refused;
    for (std::size_t t = 0; t < parent_.size(); ++t) {
      const int r = root(static_cast<int>(t));
      refused[r] = refused[r] || bad_[t];
      found[r].tensors.push_back(static_cast<TensorId>(t));
      found[r].offsets.push_back(!noOffset_[t] && plan_.zero(static_cast<TensorId>(t)) == 0);
    }
    std::vector<ChannelGroup> groups;
    for (auto& [r, group] : found)
      if (!refused[r]) groups.push_back(std::move(group));
    return groups;
  }

 private:
  int root(int i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  bool coded(TensorId id) const { return id != kNoTensor && plan_.coded[id]; }
  // Calls `mark` for the tensor, or for the members of the concat that it is.
  template <class Mark>
  void eachMember(TensorId id, Mark&& mark) {
    if (id == kNoTensor) return;
    const auto found = plan_.members.find(id);
    if (found == plan_.members.end()) return mark(id);
    for (const TensorId member : found->second) mark(member);
  }
  void refuse(TensorId id) {
    eachMember(id, [&](TensorId t) { bad_[t] = true; });
  }
  void refuseOffset(TensorId id) {
    eachMember(id, [&](TensorId t) { noOffset_[t] = true; });
  }
  void join(TensorId a, TensorId b) {
    if (plan_.members.count(a)) return refuse(a), refuse(b);
    parent_[root(static_cast<int>(a))] = root(static_cast<int>(b));
  }

  void visit(const Layer& layer, Int8Role role) {
    switch (role) {
      case Int8Role::Compute:
        return compute(layer);
      case Int8Role::Pointwise:
      case Int8Role::Float:  // floats are made of codes with the scales of the channels
        return;
      case Int8Role::Moving:
        return move(layer);
      case Int8Role::Average:
      case Int8Role::Encode:
      case Int8Role::Decode:
        for (const TensorId id : activations(graph_, layer.inputs)) refuse(id);
        for (const TensorId id : layer.outputs) refuse(id);
        return;
    }
  }

  void compute(const Layer& layer) {
    const TensorId x = layer.inputs[0], out = layer.outputs[0];
    const TensorId residual = layer.inputs.size() > 3 ? layer.inputs[3] : kNoTensor;
    const std::string activation = layer.attrs.string("activation");
    if (!readsChannels(layer, x) || plan_.weightScales.count(layer.name)) refuse(x);
    // What a window sees beyond the border is zero, which no code of a channel with an offset stands for.
    const auto pads = layer.attrs.integers("pads");
    if (traitsOf(layer.op).transposed() ||
        !std::all_of(pads.begin(), pads.end(), [](auto pad) { return pad == 0; }))
      refuseOffset(x);
    if (!traitsOf(layer.op).window || !scalesWithItsInput(activation)) refuse(out);
    if (!activation.empty()) refuseOffset(out);
    if (residual == kNoTensor) return;
    if (coded(residual) && coded(out)) return join(residual, out);
    refuse(residual);
    refuse(out);
  }

  // Codes that are moved keep their channels where the layer does: a maximum over a window.
  void move(const Layer& layer) {
    const TensorId out = layer.outputs[0];
    if (plan_.members.count(out)) return;
    const auto inputs = activations(graph_, layer.inputs);
    const OperatorTraits traits = traitsOf(layer.op);
    if (inputs.size() == 1 && layer.outputs.size() == 1 && traits.window && !traits.weights) {
      refuseOffset(inputs[0]);
      refuseOffset(out);
      return join(inputs[0], out);
    }
    for (const TensorId id : inputs) refuse(id);
    for (const TensorId id : layer.outputs) refuse(id);
  }

  const Graph& graph_;
  const Int8Plan& plan_;
  std::vector<int> parent_;
  std::vector<bool> bad_, noOffset_;
};

// Channels far below the others: finer codes would gain nothing and make their weights large.
constexpr double kLeastFactor = 0x1p-12;

/// How far above its middle each channel's codes have to reach, and the middle.
struct Ranges {
  std::vector<double> half, middle;
};

// `lowest`, `highest`: what the ends of the tensor's codes stand for.
Ranges rangesOf(const std::vector<float>& reach, bool offsets, double lowest, double highest) {
  const std::size_t channels = reach.size() / 2;
  const double aboveForBelow = lowest < 0 ? highest / -lowest : 0;
  Ranges found;
  for (std::size_t c = 0; c < channels; ++c) {
    const double below = static_cast<double>(reach[c]), above = static_cast<double>(reach[channels + c]);
    found.half.push_back(offsets ? (below + above) / 2 : std::max(below * aboveForBelow, above));
    found.middle.push_back(offsets ? (above - below) / 2 : 0);
  }
  return found;
}

}  // namespace

std::vector<ChannelGroup> channelGroups(const Graph& graph, const Int8Plan& plan) {
  return Finder(graph, plan).run();
}

bool readsChannels(const Layer& layer, TensorId id) {
  return traitsOf(layer.op).window && layer.inputs[0] == id &&
         std::count(layer.inputs.begin(), layer.inputs.end(), id) == 1;
}

bool hasRanges(const GraphTensor& tensor, const Calibration& calibration) {
  const auto found = calibration.channelPeaks.find(tensor.name);
  if (found == calibration.channelPeaks.end() || tensor.shape.size() < 3) return false;
  const auto numbers = static_cast<std::int64_t>(found->second.size());
  if (numbers != tensor.shape[1] && numbers != 2 * tensor.shape[1])
    throw Error(ErrorCode::BadCache,
                "tensor '" + tensor.name + "' has another number of channels than the cache");
  return numbers == 2 * tensor.shape[1];
}

namespace {

// Scales go with ranges that offsets centre: where one scale has to serve all channels after all, it reaches
// the farthest of them.
void widenOthers(const Graph& graph, const Calibration& calibration, Int8Plan& plan) {
  std::map<int, float> least;
  for (std::size_t t = 0; t < graph.tensors().size(); ++t) {
    const auto id = static_cast<TensorId>(t);
    if (plan.channels.count(id) || !hasRanges(graph.tensor(id), calibration)) continue;
    const auto& reach = calibration.channelPeaks.at(graph.tensor(id).name);
    float& scale = least[plan.group[t]];
    scale = std::max(scale,
                     *std::max_element(reach.begin(), reach.end()) / static_cast<float>(127 - plan.zero(id)));
  }
  for (std::size_t t = 0; t < plan.scales.size(); ++t)
    if (const auto found = least.find(plan.group[t]); found != least.end())
      plan.scales[t] = std::max(plan.scales[t], found->second);
}

}  // namespace

void takeChannels(const Graph& graph, const Calibration& calibration, Int8Plan& plan) {
  const auto ranged = [&](TensorId id) { return hasRanges(graph.tensor(id), calibration); };
  for (std::size_t t = 0; t < graph.tensors().size() && !plan.roundsBySums; ++t)
    plan.roundsBySums = ranged(static_cast<TensorId>(t));
  if (!plan.roundsBySums) return;
  for (const ChannelGroup& group : channelGroups(graph, plan)) {
    // A layer kept in floats by the caller may have changed who reads the tensor: then one scale serves all.
    if (!std::ranges::all_of(group.tensors, ranged)) continue;
    std::vector<Ranges> ranges;
    std::vector<double> factors(static_cast<std::size_t>(graph.tensor(group.tensors[0]).shape[1]),
                                kLeastFactor);
    for (std::size_t i = 0; i < group.tensors.size(); ++i) {
      const TensorId id = group.tensors[i];
      const double threshold = plan.highest(id);
      ranges.push_back(rangesOf(calibration.channelPeaks.at(graph.tensor(id).name),
                                static_cast<bool>(group.offsets[i]), plan.lowest(id), threshold));
      for (std::size_t c = 0; threshold > 0 && c < factors.size(); ++c)
        factors[c] = std::max(factors[c], std::min(ranges.back().half[c] / threshold, 1.0));
    }
    for (std::size_t i = 0; i < group.tensors.size(); ++i) {
      ChannelCodes& codes = plan.channels[group.tensors[i]];
      for (std::size_t c = 0; c < factors.size(); ++c) {
        codes.factor.push_back(static_cast<float>(factors[c]));
        if (group.offsets[i]) codes.offset.push_back(static_cast<float>(ranges[i].middle[c]));
      }
    }
  }
  widenOthers(graph, calibration, plan);
}

Int8Plan planWithChannels(const Graph& optimized, const PrecisionOptions& options, const Calibration& base) {
  Calibration all;
  all.floatLayers = base.floatLayers;
  all.halfLayers = base.halfLayers;
  all.floatTensors = base.floatTensors;
  all.scales = base.scales;
  all.least = base.least;
  for (const auto& t : optimized.tensors())
    if (t.shape.size() >= 3 && !t.isConstant())
      all.channelPeaks[t.name] = std::vector<float>(static_cast<std::size_t>(2 * t.shape[1]), 1.0f);
  // A concat whose members keep their own scales wants ranges for each: what has none takes others with it.
  for (;;) {
    Int8Plan plan = planInt8(optimized, all, options);
    std::map<std::string, std::vector<float>> left;
    for (const ChannelGroup& group : channelGroups(optimized, plan))
      for (const TensorId id : group.tensors)
        if (const auto found = all.channelPeaks.find(optimized.tensor(id).name);
            found != all.channelPeaks.end())
          left.insert(*found);
    if (left.size() == all.channelPeaks.size()) return plan;
    all.channelPeaks = std::move(left);
  }
}

ChannelCodes Int8Plan::channelsOf(const Graph& graph, TensorId id) const {
  if (!channelsDiffer(id)) return {};
  if (const auto found = channels.find(id); found != channels.end()) return found->second;
  const float largest = readScale(id);
  ChannelCodes all;
  bool shifted = false;
  for (const TensorId member : members.at(id)) {
    const auto own = channels.find(member);
    for (std::int64_t c = 0; c < graph.tensor(member).shape[1]; ++c) {
      all.factor.push_back(
          static_cast<float>(static_cast<double>(channelScale(member, c)) / static_cast<double>(largest)));
      const bool given = own != channels.end() && !own->second.offset.empty();
      all.offset.push_back(given ? own->second.offset[c] : 0.0f);
      shifted = shifted || given;
    }
  }
  if (!shifted) all.offset.clear();
  return all;
}

float Int8Plan::readScale(TensorId id) const {
  const auto found = members.find(id);
  if (found == members.end()) return scales[id];
  float largest = 0;
  for (const TensorId member : found->second) largest = std::max(largest, scales[member]);
  return largest;
}

float Int8Plan::channelScale(TensorId id, std::int64_t c) const {
  const auto found = channels.find(id);
  return found == channels.end() ? scales[id] : scales[id] * found->second.factor[c];
}

}  // namespace tessera
