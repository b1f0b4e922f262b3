// Rewriting a graph into one whose float activations and weights are kept in half precision.
#include "lower/half_rewriter.hpp"

#include <algorithm>
#include <cmath>

#include "base/half.hpp"
#include "graph/layer_view.hpp"
#include "ops/operator.hpp"
#include "ops/pointwise_chain.hpp"

namespace tessera {
namespace {

constexpr double kMostHalf = 65504, kLeastNormalHalf = 6.103515625e-05;
constexpr std::int64_t kFew =
    16;  ///< numbers that gain nothing in half, but lose digits: scales that are computed

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

// Whether a constant has finite numbers beyond half's range.
bool goesBeyondHalf(const GraphTensor& t) {
  if (!t.isConstant() || t.type != DataType::Float32) return false;
  return std::ranges::any_of(t.constant->as<float>(), [](float v) {
    const double size = std::fabs(static_cast<double>(v));
    return std::isfinite(size) && size > kMostHalf;
  });
}

// Whether results of the layer are as large as what it reads: it computes element by element, or moves.
bool keepsSize(const Graph& graph, const Layer& layer) {
  const OperatorTraits traits = traitsOf(layer.op);
  if (traits.elementwise || traits.broadcasts || traits.joins) return true;
  if (traits.view != OperatorTraits::View::None) return true;
  if (!traits.follow || traits.multiplyAdds || layer.inputs.empty()) return false;
  const OpView view = viewOf(graph, layer);
  for (std::size_t axis = 0; axis < view.inputs[0].shape.size(); ++axis)
    if (!traits.follow(view, 0, axis)) return false;  // entries are mixed there, as a softmax does
  return true;
}

// Whether the layer's results are squares of what it reads: norms are written out with them.
bool givesSquares(const Layer& layer) {
  if (layer.op == "Pow" || layer.op == "Power") return true;
  if (layer.op == "Mul") return layer.inputs[0] == layer.inputs[1];
  if (layer.op != "Pointwise") return false;
  const ChainStep last = PointwiseChain::parse(layer.attrs.string("expression", "")).steps.back();
  return last.op == "Pow" || last.op == "Power" || (last.op == "Mul" && last.operands[0] == last.operands[1]);
}

// Whether the layer adds numbers up until their sum may be beyond half's range, as those of norms are.
bool sumsUp(const Graph& graph, const Layer& layer) {
  if (layer.op != "Reduce") return false;
  const std::string mode = layer.attrs.string("mode", "");
  if (mode == "max" || mode == "min") return false;
  if (mode != "mean") return true;
  const int maker = graph.producer(layer.inputs[0]);
  return maker >= 0 && givesSquares(graph.layers()[static_cast<std::size_t>(maker)]);
}

// Whether the layer's squares are read by nothing but such sums.
bool feedsSums(const Graph& graph, const Layer& layer) {
  if (!givesSquares(layer) || graph.isOutput(layer.outputs[0])) return false;
  const std::vector<int> readers = graph.consumers(layer.outputs[0]);
  return std::ranges::all_of(
      readers, [&](int reader) { return sumsUp(graph, graph.layers()[static_cast<std::size_t>(reader)]); });
}

class HalfRewriter {
 public:
  explicit HalfRewriter(const Graph& from)
      : from_(from),
        floats_(from.tensors().size(), kNoTensor),
        halves_(from.tensors().size(), kNoTensor),
        beyond_(from.tensors().size(), false),
        sums_(from.tensors().size(), false) {}

  Graph run(const std::vector<bool>& wanted, std::vector<std::string>& whyNot) {
    to_.name = from_.name;
    for (const TensorId id : from_.inputs()) {
      const auto& t = from_.tensor(id);
      floats_[id] = to_.addInput(t.name, t.type, t.shape);
    }
    for (std::size_t i = 0; i < from_.layers().size(); ++i) {
      const Layer& layer = from_.layers()[i];
      whyNot.push_back(wanted.at(i) ? whyFp32(layer) : "it is not to be kept in half precision");
      if (makesFloatsOfIntegers(layer) ||
          (keepsSize(from_, layer) &&
           std::ranges::any_of(layer.inputs, [&](TensorId id) { return isBeyond(id); })))
        for (const TensorId id : layer.outputs) beyond_[id] = isF32(id);
      if (sumsUp(from_, layer) || computesOnSums(layer))
        for (const TensorId id : layer.outputs) sums_[id] = isF32(id);
      addLayer(layer, whyNot.back().empty());
    }
    for (const TensorId id : from_.outputs()) to_.markOutput(asFloat(id));
    to_.verify();
    return std::move(to_);
  }

 private:
  bool isF32(TensorId id) const { return id != kNoTensor && from_.tensor(id).type == DataType::Float32; }

  // Whether the tensor may hold what half would make infinite: a mask of -3.4e38, say, and scores that such a
  // mask was added to. Rows of nothing but infinities would give NaN where fp32 gives numbers.
  bool isBeyond(TensorId id) const {
    return id != kNoTensor && (beyond_[id] || goesBeyondHalf(from_.tensor(id)));
  }

  std::string whyFp32(const Layer& layer) const {
    if (layer.attrs.integer("exact_sums")) return "its sums of integers have to be exact";
    for (const TensorId id : layer.inputs)
      if (id != kNoTensor && beyond_[id])
        return "half precision cannot hold what '" + from_.tensor(id).name + "' may be";
    if (makesFloatsOfIntegers(layer))
      return "half precision cannot hold every integer that '" + from_.tensor(layer.inputs[0]).name +
             "' may be";
    if (isAmongFew(layer)) return "its few numbers gain nothing in half precision";
    if (sumsUp(from_, layer) || feedsSums(from_, layer) || computesOnSums(layer))
      return "half precision cannot hold what its sums may be";
    if (traitsOf(layer.op).elementwise && isSum(layer.inputs[0]))
      return "half precision cannot hold what '" + from_.tensor(layer.inputs[0]).name + "' may be";
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
      if (!t.isConstant() || staysFloat(layer, i)) continue;
      if (auto why = whyNotHalf(t, sums); !why.empty()) return why;
    }
    if (!floats) return "computes no floats";
    return half || makesFloats(layer) ? "" : layer.op + " computes on fp32 only";
  }

  // Whether input i of a layer in half stands there as floats: a constant that half cannot hold (not one
  // beyond half's range, whose results would be, too), or a few numbers that are computed as floats.
  bool staysFloat(const Layer& layer, std::size_t i) const {
    const auto& t = from_.tensor(layer.inputs[i]);
    if (i == 0 || !traitsOf(layer.op).mixesFloats) return false;
    const bool computed = halves_[layer.inputs[i]] == kNoTensor;  // as floats
    if (!t.isConstant()) return computed && (isSum(layer.inputs[i]) || elementCount(t.shape) <= kFew);
    return !goesBeyondHalf(t) && !whyNotHalf(t, false).empty();
  }

  bool isSum(TensorId id) const { return id != kNoTensor && sums_[id]; }

  // Whether the layer computes element by element on sums and constants alone.
  bool computesOnSums(const Layer& layer) const {
    return traitsOf(layer.op).elementwise &&
           std::ranges::any_of(layer.inputs, [&](TensorId id) { return isSum(id); }) &&
           std::ranges::all_of(layer.inputs, [&](TensorId id) {
             return id == kNoTensor || isSum(id) || from_.tensor(id).isConstant();
           });
  }

  // Whether the layer computes a few numbers of a few, element by element.
  bool isAmongFew(const Layer& layer) const {
    const auto few = [&](TensorId id) {
      return id == kNoTensor || elementCount(from_.tensor(id).shape) <= kFew;
    };
    return traitsOf(layer.op).elementwise && std::ranges::all_of(layer.inputs, few) &&
           std::ranges::all_of(layer.outputs, few);
  }

  // Whether the layer makes floats of integers of 32 or 64 bits: sums of codes, positions.
  bool makesFloatsOfIntegers(const Layer& layer) const {
    if (!makesFloats(layer) || !isF32(layer.outputs[0])) return false;
    const DataType from = from_.tensor(layer.inputs[0]).type;
    return from == DataType::Int32 || from == DataType::Int64;
  }

  // Whether the type of the layer's result is its own choice.
  static bool makesFloats(const Layer& layer) { return layer.op == "Cast"; }

  void addLayer(const Layer& layer, bool half) {
    const Operator& op = operatorNamed(layer.op);
    std::vector<TensorId> inputs;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      const TensorId id = layer.inputs[i];
      if (id == kNoTensor)
        inputs.push_back(kNoTensor);
      else
        inputs.push_back(half && isF32(id) && op.takesHalf(i) && !staysFloat(layer, i) ? asHalf(id)
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
  Graph to_;
  std::vector<TensorId> floats_, halves_;  ///< per tensor of from_: its forms in to_
  std::vector<bool> beyond_;               ///< per tensor of from_ that is computed: see isBeyond()
  std::vector<bool> sums_;                 ///< per tensor of from_: made of sums that stay in f32
};

}  // namespace

Graph toHalf(const Graph& from, const std::vector<bool>& wanted, std::vector<std::string>& whyNot) {
  return HalfRewriter(from).run(wanted, whyNot);
}

}  // namespace tessera
