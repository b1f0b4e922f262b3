// Matrix products: fully connected layers where one factor is constant.
#include "importers/tensorflow/matmul.hpp"

#include <tuple>

#include "importers/common/einsum.hpp"
#include "importers/tensorflow/conv.hpp"
#include "importers/tensorflow/quantize.hpp"

namespace tessera::tensorflow {
namespace {

/// What a flattened image is made of.
struct Flattened {
  TensorId image = kNoTensor;      ///< as it is stored
  std::vector<std::int64_t> perm;  ///< that turns it into the model's order
  std::vector<Layer> codings;      ///< of the flattened numbers, the last one first
};

/// A matrix [N, rest] that was made of an image by a Transpose which keeps the first axis; it may have been
/// rounded to codes after that.
Flattened flattenedOf(const Node& node, TensorId matrix) {
  Flattened flat;
  const Layer* maker = node.recentMaker(matrix);
  while (maker && (maker->op == "Quantize" || maker->op == "Dequantize") &&
         node.shapeOf(maker->inputs[1]).empty()) {
    flat.codings.push_back(*maker);
    maker = node.recentMaker(maker->inputs[0]);
  }
  if (!maker || maker->op != "Reshape") return {};
  const auto turned = node.state().reorderedFrom.find(maker->inputs[0]);
  if (turned == node.state().reorderedFrom.end()) return {};
  std::tie(flat.image, flat.perm) = turned->second;
  const Shape& shape = node.shapeOf(flat.image);
  if (flat.perm.empty() || flat.perm[0] != 0 || shape[0] != node.shapeOf(matrix)[0]) return {};
  return flat;
}

}  // namespace

TensorId fullyConnected(Node& node, const Held& x, TensorId weights, TensorId bias) {
  const Shape w = node.shapeOf(weights), natural = node.shapeOf(x);
  if (w.size() != 2 || natural.empty()) node.bad("its weights are no matrix");
  TensorId input = kNoTensor;
  Held matrix = x;
  if (natural.size() != 2 || natural[1] != w[1]) {
    const std::int64_t count = elementCount(natural);
    if (w[1] < 1 || count % w[1] != 0)
      node.bad("weights " + toString(w) + " do not fit " + toString(natural));
    matrix = node.reshaped(x, {count / w[1], w[1]}, "matrix");
  }
  const TensorId plain = node.ordered(matrix, {});
  const Flattened flat = isKnown(node, weights) ? flattenedOf(node, plain) : Flattened{};
  if (flat.image == kNoTensor) {
    input = plain;
  } else {
    // Columns as the image stores its cells: [outputs, the model's axes] turned into the image's.
    const Shape image = node.shapeOf(flat.image);
    Shape columns{w[0]};
    std::vector<std::int64_t> back(image.size());
    for (std::size_t i = 0; i < image.size(); ++i)
      back[static_cast<std::size_t>(flat.perm[i])] = static_cast<std::int64_t>(i);
    for (std::size_t i = 1; i < image.size(); ++i)
      columns.push_back(image[static_cast<std::size_t>(flat.perm[i])]);
    const auto reorder = [&](TensorId id) {
      const TensorId spread = node.add("Reshape", {id}, {{"shape", columns}}, "columns");
      const TensorId stored = node.add("Transpose", {spread}, {{"perm", back}}, "columns");
      return node.add("Reshape", {stored}, {{"shape", w}}, "weights");
    };
    weights = changedWeights(node, weights, reorder, [](std::int64_t axis) { return axis; });
    input = node.add("Reshape", {flat.image}, {{"shape", Shape{image[0], w[1]}}}, "matrix");
    for (auto coding = flat.codings.rbegin(); coding != flat.codings.rend(); ++coding) {
      std::vector<TensorId> operands = coding->inputs;
      operands[0] = input;
      input = node.add(coding->op, std::move(operands), coding->attrs, "matrix codes");
    }
  }
  std::vector<TensorId> operands{input, weights};
  if (bias != kNoTensor) operands.push_back(bias);
  return node.add("FullyConnected", std::move(operands));
}

namespace {

/// The value with its last two axes exchanged.
Held swapped(Node& node, const Held& x) {
  const auto rank = node.shapeOf(x.id).size();
  if (rank < 2) node.bad("its factors have to be matrices");
  Order order;
  for (const std::int64_t axis : listed(x.order, rank)) {
    const auto last = static_cast<std::int64_t>(rank) - 1;
    order.push_back(axis == last ? last - 1 : axis == last - 1 ? last : axis);
  }
  return {node.ordered({x.id, normalized(order)}, {})};
}

void matMulNode(Node& node) {
  const bool batched = node.type() != "MatMul";
  const bool turnA = node.attributes().integer(batched ? "adj_x" : "transpose_a") != 0,
             turnB = node.attributes().integer(batched ? "adj_y" : "transpose_b") != 0;
  if (node.rank(0) < 2 || node.rank(1) < 2 || (!batched && (node.rank(0) != 2 || node.rank(1) != 2)))
    node.bad("its factors have to be matrices");
  if (node.type(0) != DataType::Float32)
    node.unsupported("matrix products are defined for floating point only, these factors are " +
                     std::string(toString(node.type(0))));
  const Held a = turnA ? swapped(node, node.held(0)) : node.held(0);
  const TensorId b = node.in(1);
  if (node.rank(1) == 2 && node.valueOf(b) && !node.valueOf(a.id) && node.rank(0) == 2) {
    const TensorId weights = turnB ? b : turned(node, b, {1, 0});
    if (node.shapeOf(weights)[1] != node.shapeOf(a)[1])
      node.bad("its factors " + toString(node.shapeOf(a)) + " and " + toString(node.shapeOf(b)) +
               " do not fit");
    return node.set(0, fullyConnected(node, a, weights, kNoTensor));
  }
  node.result("MatMul", {node.ordered(a, {}), turnB ? swapped(node, node.held(1)).id : b});
}

void einstein(Node& node) {
  std::vector<TensorId> operands;
  for (std::size_t i = 0; i < node.inputCount(); ++i) {
    if (node.type(i) != DataType::Float32)
      node.unsupported("it sums up floats only, input " + std::to_string(i) + " is " +
                       std::string(toString(node.type(i))));
    operands.push_back(node.in(i));
  }
  if (operands.empty()) node.bad("it has no input");
  node.set(0, einsum(node, node.attributes().string("equation"), operands, [&](TensorId a, TensorId b) {
             return node.add("MatMul", {a, b}, {}, "product");
           }));
}

}  // namespace

void addRows_matmul(RowList& rows) {
  for (const char* type : {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"})
    rows.push_back({type, matMulNode, "of floats"});
  rows.push_back({"Einsum", einstein, "of floats"});
}

}  // namespace tessera::tensorflow
