// Losses that models exported for evaluation carry: negative log likelihood and softmax cross entropy.
#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

struct Terms {
  TensorId loss, weight;  ///< of every target; weight kNoTensor: one everywhere
};

/// -log probability of the target class and its weight; targets of the ignored class weigh nothing.
Terms terms(Node& node, TensorId logProbability, TensorId target, TensorId classWeight) {
  const Shape shape = node.shapeOf(target);
  TensorId index = node.cast(target, DataType::Int64), ignored = kNoTensor;
  if (node.hasAttribute("ignore_index")) {
    const auto skip = static_cast<double>(node.integer("ignore_index", 0));
    ignored = node.add("Equal", {index, node.scalar(DataType::Int64, skip, "ignore")}, {}, "ignored");
    index = node.add("Where", {ignored, node.scalar(DataType::Int64, 0, "class"), index}, {}, "class");
  }
  Shape column = shape;
  if (column.empty()) node.bad("its targets have no batch extent");
  column.insert(column.begin() + 1, 1);
  const TensorId picked = node.add("GatherElements", {logProbability, node.reshape(index, column, "column")},
                                   {{"axis", 1}}, "pick");
  TensorId loss = node.add("Neg", {node.reshape(picked, shape, "terms")}, {}, "negative");
  TensorId weight = classWeight;
  if (weight != kNoTensor) weight = node.add("Gather", {weight, index}, {{"axis", 0}}, "weights");
  if (ignored != kNoTensor) {
    const TensorId kept = weight == kNoTensor ? node.scalar(DataType::Float32, 1, "one") : weight;
    weight = node.add("Where", {ignored, node.scalar(DataType::Float32, 0, "zero"), kept}, {}, "weights");
  }
  if (weight != kNoTensor) loss = node.add("Mul", {loss, weight}, {}, "weigh");
  return {loss, weight};
}

void finish(Node& node, const Terms& t) {
  const std::string reduction = node.string("reduction", "mean");
  const auto reduced = [&](TensorId x, const char* mode, const char* part) {
    return node.add("Reduce", {x}, {{"mode", mode}, {"axes", std::vector<std::int64_t>{}}, {"keepdims", 0}},
                    part);
  };
  if (reduction == "none") return node.set(0, t.loss);
  if (reduction == "sum") return node.set(0, reduced(t.loss, "sum", ""));
  if (reduction != "mean") node.bad("attribute reduction has the unknown value " + reduction);
  if (t.weight == kNoTensor) return node.set(0, reduced(t.loss, "mean", ""));
  node.result("Div", {reduced(t.loss, "sum", "sum"), reduced(t.weight, "sum", "weight")});
}

void negativeLogLikelihood(Node& node) {
  finish(node, terms(node, node.in(0), node.in(1), node.optional(2)));
}

void softmaxCrossEntropy(Node& node) {
  const TensorId log = node.add("Softmax", {node.in(0)}, {{"axis", 1}, {"log", 1}}, "log");
  node.set(1, log);
  finish(node, terms(node, log, node.in(1), node.optional(2)));
}

}  // namespace

void addRows_loss(RowList& rows) {
  rows.push_back({"NegativeLogLikelihoodLoss", 12, kNewest, negativeLogLikelihood});
  rows.push_back({"SoftmaxCrossEntropyLoss", 12, kNewest, softmaxCrossEntropy});
}

}  // namespace tessera::onnx
