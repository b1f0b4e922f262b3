// Finds the scales of codes in an INT8 graph: layers hold what they need of them, rates and multipliers.
#include "exporters/onnx/code_scales.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/pointwise_chain.hpp"
#include "ops/quantised.hpp"

namespace tessera::onnx {
namespace {

/// A scale that codes made with `rate` have; the one hinted at where it does.
float scaleOfRate(float rate, float hint) {
  if (hint > 0 && inverseScale(hint) == rate) return hint;
  float scale = static_cast<float>(1.0 / static_cast<double>(rate));
  for (int i = 0; i < 4 && inverseScale(scale) != rate; ++i)
    scale = std::nextafter(scale, inverseScale(scale) < rate ? 0.0f : std::numeric_limits<float>::infinity());
  return scale;
}

bool endsInRelu(const Layer& layer) {
  if (hasZeroPoints(layer.attrs) || layer.attrs.integer("both") != 0) return false;
  if (layer.op != "QPointwise") return layer.attrs.string("activation") == "Relu";
  const std::string expression = layer.attrs.string("expression");
  return !expression.empty() && PointwiseChain::parse(expression).steps.back().op == "Relu";
}

class Finder {
 public:
  explicit Finder(const Graph& graph)
      : graph_(graph), hints_(graph.tensors().size(), 0), parent_(graph.tensors().size()) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  std::vector<CodeScale> run() {
    std::vector<CodeScale> scales(graph_.tensors().size());
    for (const Layer& layer : graph_.layers()) collectHints(layer);
    for (const Layer& layer : graph_.layers())
      for (const TensorId out : layer.outputs) {
        if (!isCode(out)) continue;
        if (layer.attrs.has("rate")) {
          const auto rate = static_cast<float>(layer.attrs.number("rate"));
          at(scales, out) = {0, layer.attrs.integer("zero"), scaleOfRate(rate, at(hints_, out)),
                             endsInRelu(layer)};
        } else {
          for (const TensorId in : layer.inputs)
            if (in != kNoTensor && isCode(in)) {
              at(scales, out) = at(scales, in);
              join(in, out);
            }
        }
      }
    std::vector<float> largest(scales.size(), 0);
    std::vector<bool> isSigned(scales.size(), false);
    for (std::size_t t = 0; t < scales.size(); ++t) {
      largest[root(t)] = std::max(largest[root(t)], scales[t].made);
      if (!scales[t].isUnsigned) isSigned[root(t)] = true;
    }
    for (std::size_t t = 0; t < scales.size(); ++t) {
      const auto& tensor = graph_.tensors()[t];
      if (tensor.type != DataType::Int8 || tensor.isConstant()) continue;
      scales[t].scale = largest[root(t)];
      scales[t].isUnsigned = !isSigned[root(t)];
      if (!(scales[t].scale > 0))
        throw Error(ErrorCode::Unsupported, "the codes of tensor '" + tensor.name + "' have no scale");
    }
    return scales;
  }

 private:
  template <class T>
  static typename T::reference at(T& list, TensorId id) {
    return list[static_cast<std::size_t>(id)];
  }
  bool isCode(TensorId id) const {
    return graph_.tensor(id).type == DataType::Int8 && !graph_.tensor(id).isConstant();
  }

  void collectHints(const Layer& layer) {
    const auto hint = [&](std::size_t input, double scale) {
      if (input < layer.inputs.size() && layer.inputs[input] != kNoTensor && scale > 0)
        at(hints_, layer.inputs[input]) = static_cast<float>(scale);
    };
    if (layer.op == "QPointwise") {
      const auto scales = layer.attrs.numbers("scales");
      for (std::size_t i = 0; i < scales.size(); ++i)
        if (scales[i] != 1) hint(i, scales[i]);
    } else if (layer.op == "QAveragePool") {
      hint(0, layer.attrs.number("scale"));
    } else if (layer.attrs.has("residual_scale")) {
      hint(3, layer.attrs.number("residual_scale"));
    }
  }

  std::size_t root(std::size_t t) {
    while (parent_[t] != t) t = parent_[t] = parent_[parent_[t]];
    return t;
  }
  void join(TensorId a, TensorId b) {
    parent_[root(static_cast<std::size_t>(a))] = root(static_cast<std::size_t>(b));
  }

  const Graph& graph_;
  std::vector<float> hints_;
  std::vector<std::size_t> parent_;
};

}  // namespace

std::vector<CodeScale> codeScales(const Graph& int8) { return Finder(int8).run(); }

}  // namespace tessera::onnx
