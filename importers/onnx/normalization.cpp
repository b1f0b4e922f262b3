// Normalisations.
#include <numeric>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

TensorId filled(Node& node, std::int64_t count, float value, const std::string& part) {
  return node.constantOf(
      HostTensor::of<float>({count}, std::vector<float>(static_cast<std::size_t>(count), value)), part);
}

void batchNorm(Node& node) {
  if (node.opset() >= 14 ? node.flag("training_mode") : node.wants(1) || node.wants(2))
    node.unsupported(
        "it normalises by the batch's own statistics (training); export the model for inference");
  if (node.opset() < 7 && !node.flag("is_test"))
    node.unsupported(
        "it normalises by the batch's own statistics (is_test = 0); export the model for inference");
  if (node.opset() < 9 && !node.flag("spatial", true))
    node.unsupported("its statistics differ from position to position (spatial = 0)");
  node.result("BatchNorm", {node.in(0), node.in(1), node.in(2), node.in(3), node.in(4)},
              {{"epsilon", node.number("epsilon", 1e-5)}});
}

void instanceNorm(Node& node) {
  node.result("InstanceNorm", {node.in(0), node.in(1), node.in(2)},
              {{"epsilon", node.number("epsilon", 1e-5)}});
}

/// Groups become the channels of an instance normalisation. Scale and bias belong to the groups in operator
/// set 18, to the channels since 21.
void groupNorm(Node& node) {
  const Shape shape = node.shape(0);
  const std::int64_t groups = node.integer("num_groups");
  if (shape.size() < 2 || groups < 1 || shape[1] % groups != 0)
    node.bad("num_groups does not divide the channels");
  const bool perChannel = node.opset() >= 21;
  std::int64_t cells = shape[1] / groups;
  for (std::size_t i = 2; i < shape.size(); ++i) cells *= shape[i];
  const TensorId grouped = node.reshape(node.in(0), {shape[0], groups, cells}, "group");
  const TensorId scale = perChannel ? filled(node, groups, 1, "ones") : node.in(1);
  const TensorId bias = perChannel ? filled(node, groups, 0, "zeros") : node.in(2);
  const TensorId normal =
      node.add("InstanceNorm", {grouped, scale, bias}, {{"epsilon", node.number("epsilon", 1e-5)}});
  const TensorId back = node.reshape(normal, shape, "ungroup");
  node.set(0, perChannel ? node.add("Scale", {back, node.in(1), node.in(2)}, {{"axis", 1}}, "scale") : back);
}

void layerNorm(Node& node) {
  const std::int64_t rank = node.rank(0), axis = node.axis(node.integer("axis", -1), rank);
  const double epsilon = node.number("epsilon", 1e-5);
  std::vector<TensorId> operands{node.in(0), node.in(1)};
  if (node.has(2)) operands.push_back(node.in(2));
  node.result("LayerNorm", std::move(operands), {{"axis", axis}, {"epsilon", epsilon}});
  if (!node.wants(1) && !node.wants(2)) return;
  std::vector<std::int64_t> axes(static_cast<std::size_t>(rank - axis));
  std::iota(axes.begin(), axes.end(), axis);
  const TensorId mean =
      node.add("Reduce", {node.in(0)}, {{"mode", "mean"}, {"axes", axes}, {"keepdims", 1}}, "mean");
  node.set(1, mean);
  if (!node.wants(2)) return;
  const TensorId centred = node.add("Sub", {node.in(0), mean}, {}, "centre");
  const TensorId square = node.add("Mul", {centred, centred}, {}, "square");
  const TensorId variance =
      node.add("Reduce", {square}, {{"mode", "mean"}, {"axes", axes}, {"keepdims", 1}}, "variance");
  const TensorId shifted = node.add("Affine", {variance}, {{"alpha", 1.0}, {"beta", epsilon}}, "epsilon");
  node.set(2, node.add("Reciprocal", {node.add("Sqrt", {shifted}, {}, "deviation")}, {}, "inverse"));
}

/// x / sqrt(mean of squares + epsilon) * scale, over all extents from axis on.
void rmsNorm(Node& node) {
  const std::int64_t rank = node.rank(0), axis = node.axis(node.integer("axis", -1), rank);
  std::vector<std::int64_t> axes(static_cast<std::size_t>(rank - axis));
  std::iota(axes.begin(), axes.end(), axis);
  double count = 1;
  for (const auto i : axes) count *= static_cast<double>(node.shape(0)[static_cast<std::size_t>(i)]);
  const TensorId x = node.in(0);
  const TensorId sum =
      node.add("Reduce", {x}, {{"mode", "sum_square"}, {"axes", axes}, {"keepdims", 1}}, "squares");
  const TensorId mean = node.add(
      "Affine", {sum}, {{"alpha", 1 / count}, {"beta", node.number("epsilon", 1e-5)}}, "mean square");
  const TensorId inverse = node.add("Reciprocal", {node.add("Sqrt", {mean}, {}, "root")}, {}, "inverse");
  node.result("Mul", {node.add("Mul", {x, inverse}, {}, "normal"), node.in(1)});
}

void lrn(Node& node) {
  node.result("Lrn", {node.in(0)},
              {{"size", node.integer("size")},
               {"alpha", node.number("alpha", 1e-4)},
               {"beta", node.number("beta", 0.75)},
               {"bias", node.number("bias", 1)},
               {"region", "across"}});
}

void meanVariance(Node& node) {
  node.result("MeanVariance", {node.in(0)},
              {{"axes", node.axes(node.integers("axes", {0, 2, 3}), node.rank(0))},
               {"normalize_variance", 1},
               {"epsilon", 1e-9},
               {"epsilon_outside", 1}});
}

void lpNorm(Node& node) {
  const std::vector<std::int64_t> axes{node.axis(node.integer("axis", -1), node.rank(0))};
  // The least there is under the root: a norm of zero gives zeros.
  node.result("LpNormalize", {node.in(0)},
              {{"axes", axes}, {"p", node.integer("p", 2)}, {"epsilon", 1.2e-38}});
}

}  // namespace

void addRows_normalization(RowList& rows) {
  rows.push_back({"BatchNormalization", 1, kNewest, batchNorm});
  rows.push_back({"InstanceNormalization", 1, kNewest, instanceNorm});
  rows.push_back({"GroupNormalization", 18, kNewest, groupNorm});
  rows.push_back({"LayerNormalization", 1, kNewest, layerNorm});  // before set 17: ONNX Runtime's
  rows.push_back({"RMSNormalization", 23, kNewest, rmsNorm});
  rows.push_back({"LRN", 1, kNewest, lrn});
  rows.push_back({"MeanVarianceNormalization", 9, kNewest, meanVariance});
  rows.push_back({"LpNormalization", 1, kNewest, lpNorm});
}

}  // namespace tessera::onnx
