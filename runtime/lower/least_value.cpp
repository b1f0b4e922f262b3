// The least values of tensors, from the layers that make them.
#include "lower/least_value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/layer_view.hpp"
#include "ops/operator.hpp"
#include "ops/pointwise_chain.hpp"

namespace tessera {
namespace {

constexpr double kUnbounded = -std::numeric_limits<double>::infinity();

// What the layer's activation gives at least.
double activated(const Attributes& attrs) {
  const std::string name = attrs.string("activation");
  const PointwiseOp* row = findPointwise(name);
  if (!row) return kUnbounded;
  return leastOf(name, attrs.number("alpha", row->alpha), attrs.number("beta", row->beta));
}

// Layers whose results are elements of their inputs, means of such, or 0.
bool keepsSigns(const Graph& graph, const Layer& layer) {
  const OperatorTraits traits = traitsOf(layer.op);
  return operatorNamed(layer.op).quantRule(viewOf(graph, layer)) == QuantRule::SameScale ||
         traits.view != OperatorTraits::View::None || traits.joins || layer.op == "Pool" ||
         layer.op == "QAveragePool" || layer.op == "GlobalPool";
}

constexpr int kDeepest = 64;  // layers looked through

class Search {
 public:
  Search(const Graph& graph, const std::function<double(TensorId)>& measured)
      : graph_(graph), measured_(measured) {}

  double leastOf(TensorId tensor, int depth) const {
    if (tensor == kNoTensor) return 0;
    const int producer = graph_.producer(tensor);
    const double made =
        producer < 0 || depth > kDeepest ? kUnbounded : madeBy(graph_.layers()[producer], tensor, depth + 1);
    return made == kUnbounded && measured_ ? measured_(tensor) : made;
  }

 private:
  double madeBy(const Layer& layer, TensorId tensor, int depth) const {
    if (traitsOf(layer.op).weights) return activated(layer.attrs);
    if (layer.op == "QPointwise" || layer.op == "Pointwise") {
      const std::string expression = layer.attrs.string("expression");
      if (expression.empty()) return leastOf(layer.inputs[0], depth);
      const ChainStep last = PointwiseChain::parse(expression).steps.back();
      return tessera::leastOf(last.op, static_cast<double>(last.alpha), static_cast<double>(last.beta));
    }
    if (const PointwiseOp* row = findPointwise(layer.op))
      return tessera::leastOf(layer.op, layer.attrs.number("alpha", row->alpha),
                              layer.attrs.number("beta", row->beta));
    if (!keepsSigns(graph_, layer) || tensor != layer.outputs[0]) return kUnbounded;
    double least = 0;
    for (const TensorId id : layer.inputs) least = std::min(least, leastOf(id, depth));
    return least;
  }

  const Graph& graph_;
  const std::function<double(TensorId)>& measured_;
};

}  // namespace

double leastOf(std::string_view row, double alpha, double beta) {
  if (row == "Relu" || row == "Sigmoid" || row == "HardSigmoid" || row == "Softplus" || row == "Abs")
    return 0;
  if (row == "HardSwish") return -0.375;  // at -1.5
  if (row == "Mish") return -0.309;
  if (row == "Silu") return -0.2785;
  if (row == "Gelu" || row == "GeluTanh") return -0.1701;
  if (row == "Tanh" || row == "Softsign") return -1;
  if (row == "Elu" || row == "Celu") return -std::abs(alpha);
  if (row == "Selu") return -std::abs(alpha * beta);
  if (row == "Clip") return alpha;
  if (row == "ThresholdedRelu") return std::min(alpha, 0.0);
  return kUnbounded;
}

double leastOf(const Graph& graph, TensorId tensor, const std::function<double(TensorId)>& measured) {
  return Search(graph, measured).leastOf(tensor, 0);
}

bool neverNegative(const Graph& graph, TensorId tensor) { return leastOf(graph, tensor) >= 0; }

}  // namespace tessera
