// Batch normalisation and local response normalisation.
#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// Statistics of the batch itself are computed where no others are given.
void fusedBatchNorm(Node& node) {
  const Order order = node.imageOrder(0);
  const TensorId x = node.image(0);
  const double epsilon = node.attributes().number("epsilon", 1e-4);
  const bool training = node.attributes().integer("is_training", 1) != 0;
  if (training && (node.rank(3) != 1 || node.shape(3)[0] == 0))
    node.unsupported(
        "it normalises by the statistics of its own batch (is_training); freeze the graph for inference");
  node.result("BatchNorm", {x, node.in(1), node.in(2), node.in(3), node.in(4)}, {{"epsilon", epsilon}},
              order);
}

/// The oldest form: inputs x, mean, variance, beta, gamma.
void batchNormGlobal(Node& node) {
  const Order order = node.imageOrder(0);
  const TensorId x = node.image(0);
  TensorId gamma = node.in(4);
  if (node.attributes().integer("scale_after_normalization", 1) == 0) {
    HostTensor ones = node.allocate(DataType::Float32, node.shape(4));
    for (auto& value : ones.as<float>()) value = 1;
    gamma = node.constantOf(std::move(ones), "gamma");
  }
  node.result("BatchNorm", {x, gamma, node.in(3), node.in(1), node.in(2)},
              {{"epsilon", node.attributes().number("variance_epsilon", 1e-4)}}, order);
}

/// The graph divides alpha by the number of channels that are summed.
void lrn(Node& node) {
  const Order order = node.imageOrder(0);
  if (node.rank(0) != 4) node.bad("its input is no image");
  const std::int64_t radius = node.attributes().integer("depth_radius", 5);
  if (radius < 0 || radius > (1 << 20)) node.bad("attribute depth_radius is impossible");
  const std::int64_t size = 2 * radius + 1;
  node.result("Lrn", {node.image(0)},
              {{"size", size},
               {"alpha", node.attributes().number("alpha", 1) * static_cast<double>(size)},
               {"beta", node.attributes().number("beta", 0.5)},
               {"bias", node.attributes().number("bias", 1)},
               {"region", "across"}},
              order);
}

/// x / sqrt(max(sum of squares, epsilon)) along the last axis.
void l2Normalization(Node& node) {
  const Held x = node.held(0);
  const std::int64_t rank = node.rank(0);
  if (rank < 1) node.bad("its input is a single number");
  const TensorId sum = node.add("Reduce", {x.id},
                                {{"mode", "sum_square"},
                                 {"axes", std::vector<std::int64_t>{storedAxis(x.order, rank - 1)}},
                                 {"keepdims", std::int64_t{1}}},
                                "squares");
  const Held bounded{node.add("Max", {sum, node.scalar(DataType::Float32, 1e-6, "epsilon")}, {}, "bounded"),
                     x.order};
  node.set(0, arithmetic(node, "Div", x, unary(node, "Sqrt", bounded, {}, "norm")));
}

}  // namespace

void addRows_normalization(RowList& rows) {
  for (const char* type : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
    rows.push_back({type, fusedBatchNorm, "with given mean and variance"});
  rows.push_back({"BatchNormWithGlobalNormalization", batchNormGlobal});
  rows.push_back({"LRN", lrn});
  rows.push_back({"L2Normalization", l2Normalization, "of TFLite"});
}

}  // namespace tessera::tensorflow
