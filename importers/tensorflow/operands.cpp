// Operands of pointwise operators.
#include "importers/tensorflow/operands.hpp"

#include <algorithm>

namespace tessera::tensorflow {

Aligned aligned(Node& node, const std::vector<Held>& operands) {
  std::size_t rank = 0;
  for (const Held& operand : operands) rank = std::max(rank, node.shapeOf(operand.id).size());
  // The order of the operand that is most expensive to turn.
  Aligned result;
  std::int64_t most = -1;
  bool mixed = false;
  for (const Held& operand : operands) {
    const Shape& shape = node.shapeOf(operand.id);
    if (!operand.order.empty()) mixed = true;
    const std::int64_t size = node.valueOf(operand.id) ? 0 : elementCount(shape);
    if (shape.size() == rank && size > most) {
      most = size;
      result.order = operand.order;
    }
  }
  for (const Held& operand : operands) {
    if (!mixed || node.shapeOf(operand.id).empty()) {
      result.ids.push_back(operand.id);
      continue;
    }
    Held value = operand;
    Shape shape = node.shapeOf(value);
    if (shape.size() < rank) {
      shape.insert(shape.begin(), rank - shape.size(), 1);
      value = node.reshaped(value, shape, "broadcast");
    }
    result.ids.push_back(node.ordered(value, result.order));
  }
  return result;
}

Held arithmetic(Node& node, const std::string& op, const Held& a, const Held& b, Attributes attrs,
                const std::string& part) {
  const DataType type = node.typeOf(a.id);
  if (type != node.typeOf(b.id))
    node.bad("its operands differ in type: " + std::string(toString(type)) + " and " +
             std::string(toString(node.typeOf(b.id))));
  const bool computes = hasArithmetic(type);
  const DataType inner = computes ? type : DataType::Int32;
  const Aligned both = aligned(node, {a, b});
  const TensorId y =
      node.add(op, {node.cast(both.ids[0], inner), node.cast(both.ids[1], inner)}, std::move(attrs), part);
  return {node.cast(y, type), both.order};
}

Held unary(Node& node, const std::string& op, const Held& x, Attributes attrs, const std::string& part) {
  const DataType type = node.typeOf(x.id);
  const TensorId y = node.add(op, {node.cast(x.id, DataType::Float32)}, std::move(attrs), part);
  return {node.cast(y, type), x.order};
}

Held activated(Node& node, const Held& x, const std::string& activation) {
  if (activation.empty() || activation == "NONE") return x;
  if (activation == "RELU") return unary(node, "Relu", x, {}, "activation");
  if (activation == "RELU6") return unary(node, "Clip", x, {{"alpha", 0.0}, {"beta", 6.0}}, "activation");
  if (activation == "RELU_N1_TO_1")
    return unary(node, "Clip", x, {{"alpha", -1.0}, {"beta", 1.0}}, "activation");
  if (activation == "TANH") return unary(node, "Tanh", x, {}, "activation");
  node.unsupported("its fused activation is " + activation);
}

}  // namespace tessera::tensorflow
