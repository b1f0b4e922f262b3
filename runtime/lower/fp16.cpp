// Rewriting a float graph into one whose activations and weights are kept in half precision.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/half.hpp"
#include "lower/precision.hpp"
#include "ops/operator.hpp"
#include "tessera/precision.hpp"

namespace tessera {
namespace {

constexpr double kMostHalf = 65504, kLeastNormalHalf = 6.103515625e-05;

// Why half precision cannot hold a constant: a number beyond its range, or, unless the constant is `weights`,
// whose small numbers add little to sums, one so small that half of its digits or all would go.
std::string whyNotHalf(const GraphTensor& t, bool weights) {
  const auto values = t.constant->as<float>();
  for (const float v : values) {
    const double size = std::fabs(static_cast<double>(v));
    const bool fits = !std::isfinite(size) || size <= kMostHalf;
    const bool keepsDigits = weights || size == 0 || !(size < kLeastNormalHalf);
    if (!fits || !keepsDigits)
      return "half precision cannot hold " + std::to_string(v) + " of its constant '" + t.name + "'";
  }
  return {};
}

class HalfRewriter {
 public:
  HalfRewriter(const Graph& from, const PrecisionOptions& options)
      : from_(from),
        options_(options),
        floats_(from.tensors().size(), kNoTensor),
        halves_(from.tensors().size(), kNoTensor) {}

  Graph run(std::vector<LayerPrecision>* report) {
    const auto kept = keptLayers();
    to_.name = from_.name;
    for (const TensorId id : from_.inputs()) {
      const auto& t = from_.tensor(id);
      floats_[id] = to_.addInput(t.name, t.type, t.shape);
    }
    for (std::size_t i = 0; i < from_.layers().size(); ++i) {
      const Layer& layer = from_.layers()[i];
      const auto found = kept.find(static_cast<int>(i));
      const std::string why = found == kept.end() ? whyFp32(layer) : found->second;
      addLayer(layer, why.empty());
      if (report)
        report->push_back({layer.name, layer.op, why.empty() ? Precision::Fp16 : Precision::Fp32,
                           why.empty() ? "kept in half precision, summed in fp32" : why,
                           multiplyAdds(from_, layer)});
    }
    for (const TensorId id : from_.outputs()) to_.markOutput(asFloat(id));
    to_.verify();
    return std::move(to_);
  }

 private:
  std::map<int, std::string> keptLayers() const {
    requireLayers(from_, options_.keepFp32);
    std::map<int, std::string> kept;
    for (std::size_t i = 0; i < from_.layers().size(); ++i)
      if (options_.keepFp32.count(from_.layers()[i].name)) kept[static_cast<int>(i)] = "kept fp32 by option";
    if (!options_.keepFirstLast) return kept;
    std::vector<int> weighty;
    for (std::size_t i = 0; i < from_.layers().size(); ++i)
      if (multiplyAdds(from_, from_.layers()[i]) > 0) weighty.push_back(static_cast<int>(i));
    if (weighty.empty()) return kept;
    kept[weighty.front()] = "first layer kept fp32 by option";
    kept[weighty.back()] = "last layer kept fp32 by option";
    return kept;
  }

  bool isF32(TensorId id) const { return id != kNoTensor && from_.tensor(id).type == DataType::Float32; }

  std::string whyFp32(const Layer& layer) const {
    const Operator& op = operatorNamed(layer.op);
    bool floats = std::ranges::any_of(layer.outputs, [&](TensorId id) { return isF32(id); }), half = false;
    const bool sums = traitsOf(layer.op).multiplyAdds != nullptr;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      const TensorId id = layer.inputs[i];
      if (!isF32(id)) continue;
      floats = true;
      if (!op.takesHalf(i)) continue;
      half = true;
      const auto& t = from_.tensor(id);
      if (!t.isConstant()) continue;
      if (auto why = whyNotHalf(t, sums); !why.empty()) return why;
    }
    if (!floats) return "computes no floats";
    return half || makesFloats(layer) ? "" : layer.op + " computes on fp32 only";
  }

  // Whether the type of the layer's result is its own choice.
  static bool makesFloats(const Layer& layer) { return layer.op == "Cast"; }

  void addLayer(const Layer& layer, bool half) {
    const Operator& op = operatorNamed(layer.op);
    std::vector<TensorId> inputs;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      const TensorId id = layer.inputs[i];
      inputs.push_back(id == kNoTensor                        ? kNoTensor
                       : half && isF32(id) && op.takesHalf(i) ? asHalf(id)
                                                              : asFloat(id));
    }
    Attributes attrs = layer.attrs;
    if (half && makesFloats(layer) && attrs.string("to") == "f32") attrs.set("to", std::string("f16"));
    std::vector<std::string> names;
    for (const TensorId id : layer.outputs) {
      // The name of an output of the network belongs to its floats.
      const auto& t = from_.tensor(id);
      names.push_back(half && isF32(id) && from_.isOutput(id) ? t.name + "/half" : t.name);
    }
    const Layer added = to_.addLayer(layer.op, layer.name, inputs, attrs, names);
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
      const TensorId id = layer.outputs[i], made = added.outputs[i];
      const bool narrow = isF32(id) && to_.tensor(made).type == DataType::Float16;
      (narrow ? halves_ : floats_)[id] = made;
      if (!narrow) to_.tensor(made).name = from_.tensor(id).name;
    }
  }

  TensorId asHalf(TensorId id) {
    if (halves_[id] != kNoTensor) return halves_[id];
    const auto& t = from_.tensor(id);
    if (t.isConstant()) return halves_[id] = to_.addConstant(t.name, halfOf(*t.constant));
    return halves_[id] = to_.add("Cast", t.name + "/half", {asFloat(id)}, {{"to", std::string("f16")}},
                                 {t.name + "/half"});
  }

  /// The tensor as it is in the fp32 graph, of whatever type.
  TensorId asFloat(TensorId id) {
    if (floats_[id] != kNoTensor) return floats_[id];
    const auto& t = from_.tensor(id);
    if (t.isConstant()) return floats_[id] = to_.addConstant(t.name, *t.constant);
    if (halves_[id] == kNoTensor)
      throw Error(ErrorCode::Internal, "tensor " + t.name + " is read before it is computed");
    const std::string name = from_.isOutput(id) ? t.name : t.name + "/float";
    return floats_[id] =
               to_.add("Cast", t.name + "/float", {halves_[id]}, {{"to", std::string("f32")}}, {name});
  }

  const Graph& from_;
  const PrecisionOptions& options_;
  Graph to_;
  std::vector<TensorId> floats_, halves_;  ///< per tensor of from_: its forms in to_
};

}  // namespace

Graph assignFp16(const Graph& optimized, const PrecisionOptions& options,
                 std::vector<LayerPrecision>* report) {
  return HalfRewriter(optimized, options).run(report);
}

}  // namespace tessera
