// Which layers and tensors become INT8. Decided by operator and calibration alone: the same on every device.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/layer_view.hpp"
#include "lower/channel_codes.hpp"
#include "lower/explicit_codes.hpp"
#include "ops/curved.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Channels get scales finer than their tensor's by 2^kFinest at most: finer ones were not seen to gain
// anything, and the weights that read them lose what the channels win.
constexpr int kFinest = -3;

class Planner {
 public:
  Planner(const Graph& graph, const Calibration& calibration, const PrecisionPlan& wanted)
      : graph_(graph), calibration_(calibration), wanted_(wanted) {}

  Int8Plan run() {
    assignRoles();
    findUsefulChains();
    plan_.weightScales = calibration_.weightScales;
    plan_.weightSteps = calibration_.weightSteps;
    if (calibration_.partial) takeModelsCodes();
    plan_.coded.assign(graph_.tensors().size(), false);
    for (std::size_t t = 0; t < plan_.coded.size(); ++t)
      plan_.coded[t] = mayBeCoded(static_cast<TensorId>(t));
    while (dropOnce()) {
    }
    shareScales();
    placeZeros(graph_, calibration_, plan_);
    takeChannels(graph_, calibration_, plan_);
    refineChannels();
    return std::move(plan_);
  }

 private:
  void assignRoles() {
    for (std::size_t i = 0; i < graph_.layers().size(); ++i) {
      const Layer& layer = graph_.layers()[i];
      plan_.roles.push_back(int8Role(graph_, layer));
      plan_.reasons.emplace_back();
      if (!hasIntegerWeights(layer)) {
        if (plan_.roles[i] == Int8Role::Float && multiplyAdds(graph_, layer) > 0)
          plan_.reasons[i] = "products of two matrices have no integer kernel";
        continue;
      }
      if (plan_.roles[i] == Int8Role::Float)
        plan_.reasons[i] = layer.attrs.integer("exact_sums") ? "its sums of integers have to be exact"
                                                             : "its weights are not constant";
      if (calibration_.floatLayers.count(layer.name)) keep(i, "kept in floats by calibration");
      if (calibration_.halfLayers.count(layer.name)) keep(i, kHalfByCalibration);
      if (!toBeInt8(i)) keep(i, wanted_.layers[i].reason);
    }
  }

  void keep(std::size_t i, const std::string& why) {
    plan_.roles[i] = Int8Role::Float;
    plan_.reasons[i] = why;
  }

  bool toBeInt8(std::size_t layer) const { return wanted_.layers.at(layer).precision == Precision::Int8; }

  // Chains with a function that is no product or sum (Sigmoid, Exp, ..) work on codes only where a layer with
  // weights reads what becomes of them. Behind the last of those, as in the decoding of boxes, codes would
  // cost exactness and gain nothing.
  void findUsefulChains() {
    std::vector<bool> needed(graph_.tensors().size(), false);
    for (std::size_t i = graph_.layers().size(); i-- > 0;) {
      const Layer& layer = graph_.layers()[i];
      const bool useful =
          plan_.roles[i] == Int8Role::Compute ||
          std::ranges::any_of(layer.outputs, [&](TensorId id) { return static_cast<bool>(needed[id]); });
      if (useful)
        for (const TensorId id : activations(graph_, layer.inputs)) needed[id] = true;
      if (useful || plan_.roles[i] != Int8Role::Pointwise || !isCurved(layer)) continue;
      plan_.roles[i] = Int8Role::Float;
      plan_.reasons[i] = "no layer with weights reads its result";
    }
  }
  bool isCurved(const Layer& layer) const {
    const auto chain = asChain(graph_, layer);
    return chain &&
           std::ranges::any_of(chain->steps, [](const ChainStep& step) { return curvedPointwise(step.op); });
  }

  // Models that carry their own codes: layers compute in INT8 on those codes alone.
  void takeModelsCodes() {
    multiples_ = multiplesOf(graph_, plan_.roles);
    for (std::size_t i = 0; i < graph_.layers().size(); ++i) {
      const Layer& layer = graph_.layers()[i];
      if (layer.op == "Quantize" || layer.op == "Dequantize")
        plan_.reasons[i] = "computed as the model writes it: " + whyKept(graph_, layer);
      if (plan_.roles[i] != Int8Role::Compute) continue;
      auto [scales, why, wide] = modelsWeightScales(graph_, layer, multiples_[layer.inputs[0]], calibration_);
      if (why.empty()) {
        plan_.weightScales[layer.name] = std::move(scales);
        if (wide) plan_.wideWeights.insert(layer.name);
      } else {
        plan_.roles[i] = Int8Role::Float;
        plan_.reasons[i] = std::move(why);
      }
    }
  }

  bool isModels(TensorId id) const {
    const int producer = graph_.producer(id);
    return producer >= 0 && plan_.roles[producer] == Int8Role::Decode;
  }

  bool mayBeCoded(TensorId id) const {
    if (isModels(id)) return true;
    if (calibration_.partial && !(multiples_[id].scale > 0)) return false;
    const auto& t = graph_.tensor(id);
    const int producer = graph_.producer(id);
    return t.type == DataType::Float32 && !t.isConstant() && !graph_.isOutput(id) && producer >= 0 &&
           toBeInt8(producer) && !calibration_.floatTensors.count(t.name);
  }

  // Whether the layer can write codes of its output, given what it reads.
  bool givesCodes(std::size_t layer) const {
    const auto inputs = activations(graph_, graph_.layers()[layer].inputs);
    switch (plan_.roles[layer]) {
      case Int8Role::Compute:
        return exactActivation(graph_.layers()[layer].attrs.string("activation"));
      case Int8Role::Pointwise:
        return true;
      case Int8Role::Average:
        return plan_.coded[inputs[0]] || encodedInput(inputs[0]);
      case Int8Role::Moving:
        if (ownScales(layer)) return mostlyCoded(inputs);
        return std::all_of(inputs.begin(), inputs.end(), [&](TensorId id) { return plan_.coded[id]; });
      case Int8Role::Decode:
        return true;
      case Int8Role::Encode:
      case Int8Role::Float:
        return false;
    }
    return false;
  }

  // Whether the tensor is an input of the graph that becomes codes anyway, for a layer with weights.
  bool encodedInput(TensorId id) const {
    if (graph_.producer(id) >= 0) return false;
    const auto readers = graph_.consumers(id);
    return std::any_of(readers.begin(), readers.end(), [&](int reader) {
      return plan_.roles[reader] == Int8Role::Compute && graph_.layers()[reader].inputs[0] == id;
    });
  }

  // Whether the layer is a concat whose members may keep their own scales: all its readers are pointwise
  // chains, which take a scale per channel, or, where calibration found ranges for the channels of every
  // member, layers whose weights take them up.
  bool ownScales(std::size_t index) const {
    const Layer& layer = graph_.layers()[index];
    if (!traitsOf(layer.op).joins || plan_.roles[index] != Int8Role::Moving) return false;
    if (calibration_.partial) return false;  // its members have one scale, or it is no codes
    const TensorId out = layer.outputs[0];
    if (layer.attrs.integer("axis") != 1 || graph_.tensor(out).shape.size() < 3 || graph_.isOutput(out))
      return false;
    const auto inputs = activations(graph_, layer.inputs);
    const bool ranges =
        std::ranges::all_of(inputs, [&](TensorId id) { return hasRanges(graph_.tensor(id), calibration_); });
    return std::ranges::all_of(graph_.consumers(out), [&](int reader) {
      const Layer& next = graph_.layers()[reader];
      return plan_.roles[reader] == Int8Role::Pointwise ||
             (ranges && plan_.roles[reader] == Int8Role::Compute && readsChannels(next, out) &&
              !calibration_.weightScales.count(next.name));
    });
  }

  // Whether codes make up at least half of the tensors: the others are then worth encoding.
  bool mostlyCoded(const std::vector<TensorId>& ids) const {
    std::int64_t coded = 0, all = 0;
    for (const TensorId id : ids) {
      const std::int64_t size = graph_.tensor(id).desc().size();
      all += size;
      if (plan_.coded[id]) coded += size;
    }
    return 2 * coded >= all;
  }

  // Whether the layer can read codes from `id`.
  bool takesCodes(std::size_t index, TensorId id) const {
    const Layer& layer = graph_.layers()[index];
    switch (plan_.roles[index]) {
      case Int8Role::Compute:
        return true;
      case Int8Role::Pointwise:
      case Int8Role::Average:
      case Int8Role::Encode:
      case Int8Role::Decode:
        return true;
      case Int8Role::Moving:
        return std::all_of(layer.outputs.begin(), layer.outputs.end(),
                           [&](TensorId out) { return plan_.coded[out]; });
      case Int8Role::Float:
        return false;
    }
    return false;
  }

  // Removes tensors that can not stay coded; true where one went.
  bool dropOnce() {
    bool changed = false;
    for (std::size_t i = 0; i < graph_.layers().size(); ++i) {
      const Layer& layer = graph_.layers()[i];
      for (const TensorId out : layer.outputs)
        if (plan_.coded[out] && !givesCodes(i)) plan_.coded[out] = false, changed = true;
      for (const TensorId in : activations(graph_, layer.inputs))
        if (plan_.coded[in] && !isModels(in) && !takesCodes(i, in)) plan_.coded[in] = false, changed = true;
    }
    return changed;
  }

  // Tensors joined by moving layers get the largest scale of their group.
  void shareScales() {
    plan_.group.clear(), plan_.scales.clear(), plan_.members.clear();
    std::vector<int> parent(graph_.tensors().size());
    std::iota(parent.begin(), parent.end(), 0);
    const auto root = [&](int i) {
      while (parent[i] != i) i = parent[i] = parent[parent[i]];
      return i;
    };
    for (std::size_t i = 0; i < graph_.layers().size(); ++i) {
      if (plan_.roles[i] != Int8Role::Moving) continue;
      const auto inputs = activations(graph_, graph_.layers()[i].inputs);
      const TensorId first = graph_.layers()[i].outputs[0];
      if (plan_.coded[first] && ownScales(i)) {
        plan_.members[first] = inputs;
        continue;
      }
      for (const TensorId in : inputs)
        for (const TensorId out : graph_.layers()[i].outputs)
          if (plan_.coded[in] && plan_.coded[out]) parent[root(in)] = root(out);
    }
    std::vector<float> largest(parent.size(), 0);
    for (std::size_t t = 0; t < parent.size(); ++t) {
      const auto it = calibration_.scales.find(graph_.tensor(static_cast<TensorId>(t)).name);
      if (it == calibration_.scales.end()) continue;
      if (!std::isfinite(it->second) || !(it->second > 0))
        throw Error(ErrorCode::BadCache, "the scale of tensor '" + it->first + "' is " +
                                             std::to_string(it->second) + "; it must be positive and finite");
      float& group = largest[root(static_cast<int>(t))];
      group = std::max(group, it->second);
    }
    for (std::size_t t = 0; t < parent.size(); ++t) {
      plan_.group.push_back(root(static_cast<int>(t)));
      plan_.scales.push_back(largest[plan_.group.back()]);
    }
    if (!calibration_.partial) return;
    for (std::size_t t = 0; t < multiples_.size(); ++t) plan_.scales[t] = multiples_[t].scale;
    for (const Multiples& m : multiples_) plan_.zeros.push_back(m.zero);
  }

  // Whether channels of a coded tensor may have scales of their own: a chain writes it, and its readers are
  // chains, which take a scale per channel, and layers whose weights take up the powers of two.
  bool mayShift(TensorId id) const {
    const auto& t = graph_.tensor(id);
    if (!plan_.coded[id] || t.shape.size() < 3 || plan_.roles[graph_.producer(id)] != Int8Role::Pointwise)
      return false;
    bool chains = false;
    for (const int reader : graph_.consumers(id)) {
      const Layer& layer = graph_.layers()[reader];
      if (plan_.roles[reader] == Int8Role::Pointwise || plan_.members.count(layer.outputs[0])) {
        chains = true;
        continue;
      }
      if (plan_.roles[reader] != Int8Role::Compute || !traitsOf(layer.op).window ||
          layer.attrs.integer("group", 1) != 1 ||
          std::count(layer.inputs.begin(), layer.inputs.end(), id) != 1 || layer.inputs[0] != id ||
          calibration_.weightScales.count(layer.name))
        return false;
    }
    return chains;
  }

  // Channels that stay far below the threshold get finer scales.
  void refineChannels() {
    for (std::size_t t = 0; t < plan_.coded.size(); ++t) {
      const auto id = static_cast<TensorId>(t);
      const auto found = calibration_.channelPeaks.find(graph_.tensor(id).name);
      if (found == calibration_.channelPeaks.end() || hasRanges(graph_.tensor(id), calibration_) ||
          !mayShift(id) || plan_.lowest(id) > -plan_.highest(id))
        continue;
      if (static_cast<std::int64_t>(found->second.size()) != graph_.tensor(id).shape[1])
        throw Error(ErrorCode::BadCache,
                    "tensor '" + found->first + "' has another number of channels than the cache");
      const double threshold = plan_.highest(id);
      for (const float peak : found->second) {
        int shift = 0;  // every step is exact: the same on every machine
        while (shift > kFinest && std::ldexp(static_cast<double>(peak), 1 - shift) <= threshold) --shift;
        plan_.channels[id].factor.push_back(std::ldexp(1.0f, shift));
      }
    }
  }

  const Graph& graph_;
  const Calibration& calibration_;
  const PrecisionPlan& wanted_;
  Int8Plan plan_;
  std::vector<Multiples> multiples_;  // per tensor: multiplesOf(), of models that carry their own codes
};

}  // namespace

Int8Plan planInt8(const Graph& graph, const Calibration& calibration, const PrecisionPlan& wanted) {
  return Planner(graph, calibration, wanted).run();
}

Int8Plan planInt8(const Graph& graph, const Calibration& calibration, const PrecisionOptions& options) {
  return planInt8(graph, calibration, planByRules(graph, Precision::Int8, options));
}

std::vector<std::string> tensorsWithChannelScales(const Graph& optimized) {
  Calibration peaks;
  for (const auto& t : optimized.tensors())
    if (t.shape.size() >= 3 && !t.isConstant()) peaks.channelPeaks[t.name].resize(t.shape[1]);
  std::vector<std::string> names;
  for (const auto& [id, _] : planInt8(optimized, peaks, PrecisionOptions()).channels)
    names.push_back(optimized.tensor(id).name);
  return names;
}

std::vector<std::string> tensorsToCalibrate(const Graph& optimized) {
  const Int8Plan plan = planInt8(optimized, {}, PrecisionOptions());
  std::vector<std::string> names;
  std::vector<bool> wanted = plan.coded;
  for (std::size_t i = 0; i < optimized.layers().size(); ++i)
    if (plan.roles[i] == Int8Role::Compute) wanted[optimized.layers()[i].inputs[0]] = true;
  for (const auto& [concat, members] : plan.members) {
    wanted[concat] = false;
    for (const TensorId member : members) wanted[member] = true;
  }
  for (std::size_t t = 0; t < wanted.size(); ++t)
    if (wanted[t]) names.push_back(optimized.tensor(static_cast<TensorId>(t)).name);
  return names;
}

}  // namespace tessera
