// Operators of two or more operands, comparisons, logic, choice and type changes.
#include <map>

#include "importers/onnx/node.hpp"
#include "importers/onnx/tensor_value.hpp"

namespace tessera::onnx {
namespace {

/// Before operator set 7 operands did not broadcast by themselves: attribute axis says where b's extents lie
/// in a's.
TensorId broadcastAlong(Node& node, TensorId a, TensorId b) {
  if (node.opset() >= 7 || !node.flag("broadcast")) return b;
  const auto rankA = static_cast<std::int64_t>(node.shapeOf(a).size());
  Shape shape = node.shapeOf(b);
  const auto rankB = static_cast<std::int64_t>(shape.size());
  const std::int64_t axis = node.integer("axis", rankA - rankB);
  if (axis < 0 || axis + rankB > rankA) node.bad("attribute axis lies outside the first operand");
  shape.resize(static_cast<std::size_t>(rankA - axis), 1);
  return node.reshape(b, shape, "broadcast");
}

/// Bytes are computed as i32 and cut back, which wraps as the format's own arithmetic does.
TensorId addArithmetic(Node& node, const std::string& op, TensorId a, TensorId b, Attributes attrs = {}) {
  const DataType type = node.typeOf(a);
  if (type != node.typeOf(b))
    node.bad("its operands differ in type: " + std::string(toString(type)) + " and " +
             std::string(toString(node.typeOf(b))));
  const DataType inner = hasArithmetic(type) ? type : DataType::Int32;
  return node.cast(node.add(op, {node.cast(a, inner), node.cast(b, inner)}, std::move(attrs)), type);
}

void binary(Node& node) {
  node.set(0, addArithmetic(node, node.type(), node.in(0), broadcastAlong(node, node.in(0), node.in(1))));
}

void mod(Node& node) {
  node.set(0, addArithmetic(node, "Mod", node.in(0), node.in(1), {{"alpha", node.flag("fmod") ? 1.0 : 0.0}}));
}

/// The result has the base's type; operands of different types meet in f32, or in the base's integers.
void power(Node& node) {
  const TensorId base = node.in(0), exponent = broadcastAlong(node, node.in(0), node.in(1));
  const DataType type = node.typeOf(base);
  const bool real = type == DataType::Float32 || node.typeOf(exponent) == DataType::Float32;
  const DataType inner = real ? DataType::Float32 : hasArithmetic(type) ? type : DataType::Int32;
  node.set(0, node.cast(node.add("Pow", {node.cast(base, inner), node.cast(exponent, inner)}), type));
}

void variadic(Node& node) {
  const std::string op = node.type() == "Sum" || node.type() == "Mean" ? "Add" : node.type();
  TensorId all = node.in(0);
  for (std::size_t i = 1; i < node.inputCount(); ++i) all = addArithmetic(node, op, all, node.in(i));
  if (node.type() == "Mean" && node.inputCount() > 1)
    all = node.add("Affine", {all}, {{"alpha", 1.0 / static_cast<double>(node.inputCount())}, {"beta", 0.0}},
                   "mean");
  node.set(0, all);
}

void compare(Node& node) {
  const TensorId a = node.in(0), b = broadcastAlong(node, a, node.in(1));
  if (node.typeOf(a) != node.typeOf(b)) node.bad("its operands differ in type");
  node.result(node.type(), {a, b});
}

void logic(Node& node) {
  std::vector<TensorId> operands{node.in(0)};
  if (node.type() != "Not") operands.push_back(broadcastAlong(node, node.in(0), node.in(1)));
  for (TensorId id : operands)
    if (node.typeOf(id) != DataType::Bool) node.bad("its operands have to be bool");
  node.result(node.type(), operands);
}

void isNan(Node& node) { node.result("IsNan", {node.in(0)}); }

void isInf(Node& node) {
  node.result("IsInf", {node.in(0)},
              {{"alpha", node.flag("detect_negative", true) ? 1.0 : 0.0},
               {"beta", node.flag("detect_positive", true) ? 1.0 : 0.0}});
}

/// uint16 is held in i32, uint32 and uint64 in i64: a left shift of uint16 is cut back to its 16 bits.
void bitShift(Node& node) {
  const std::string direction = node.string("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") node.bad("attribute direction has to be LEFT or RIGHT");
  const bool left = direction == "LEFT";
  const TensorId shifted = node.add(left ? "BitShiftLeft" : "BitShiftRight", {node.in(0), node.in(1)});
  if (!left || node.typeOf(shifted) != DataType::Int32) return node.set(0, shifted);
  node.set(0,
           node.add("Mod", {shifted, node.scalar(DataType::Int32, 65536, "2^16")}, {{"alpha", 0.0}}, "wrap"));
}

/// Types that the file's unsigned ones are held in give the same bits here.
void bitwise(Node& node) { node.result(node.type(), {node.in(0), node.in(1)}); }

/// All bits of a wider type would be turned where it holds an unsigned one; a model without such types has
/// none.
void bitwiseNot(Node& node) {
  const DataType type = node.typeOf(node.in(0));
  if (node.state().holdsUnsigned && (type == DataType::Int32 || type == DataType::Int64))
    node.unsupported(
        "the model has 16-, 32- or 64-bit unsigned integers, which Tessera holds in signed types; "
        "BitwiseNot of these is not known");
  node.result("BitwiseXor", {node.in(0), node.scalar(type, type == DataType::UInt8 ? 255 : -1, "ones")});
}

void where(Node& node) {
  if (node.typeOf(node.in(0)) != DataType::Bool) node.bad("its condition has to be bool");
  node.result("Where", {node.in(0), node.in(1), node.in(2)});
}

const std::map<std::string, int>& typesByName() {  // operator sets before 6 name the type of a Cast
  static const std::map<std::string, int> names = [] {
    std::map<std::string, int> all;
    for (int i = 1; i < tessera_onnx::Tensor::Type_ARRAYSIZE; ++i) all[elementTypeName(i)] = i;
    return all;
  }();
  return names;
}

void castTo(Node& node) {
  int wanted = 0;
  if (node.opset() < 6) {
    const auto it = typesByName().find(node.string("to", ""));
    if (it != typesByName().end()) wanted = it->second;
  } else {
    wanted = static_cast<int>(node.integer("to"));
  }
  node.state().note(wanted);
  const DataType held = heldType(wanted);
  if (held == DataType::None)
    node.unsupported("Tessera has no type for elements of type " + elementTypeName(wanted));
  TensorId x = node.in(0);
  // Half precision is held in f32; the rounding is what a cast to it means.
  if (wanted == tessera_onnx::Tensor::FLOAT16 && node.typeOf(x) == DataType::Float32)
    x = node.add("Cast", {x}, {{"to", "f16"}}, "round");
  if (node.typeOf(x) == held) return node.set(0, x);
  node.result("Cast", {x}, {{"to", std::string(toString(held))}});
}

void castLike(Node& node) { node.set(0, node.cast(node.in(0), node.typeOf(node.in(1)))); }

void identity(Node& node) { node.set(0, node.in(0)); }

void dropout(Node& node) {
  const bool attributes = node.opset() < 12;
  bool training = node.opset() < 7 && !node.flag("is_test");
  double ratio = attributes ? node.number("ratio", 0.5) : 0.5;
  if (!attributes) {
    training = node.has(2) && node.constantNumbers(2, "training_mode").at(0) != 0;
    if (training && node.has(1)) ratio = node.constantNumbers(1, "ratio").at(0);
  }
  if (training && ratio != 0)
    node.unsupported("it drops values at random (training); export the model for inference");
  node.set(0, node.in(0));
  if (!node.wants(1)) return;
  HostTensor mask = node.allocate(DataType::Bool, node.shape(0));
  for (auto& cell : mask.as<std::uint8_t>()) cell = 1;
  node.set(1, node.constantOf(std::move(mask), "mask"));
}

}  // namespace

void addRows_elementwise(RowList& rows) {
  for (const char* type : {"Add", "Sub", "Mul", "Div"}) rows.push_back({type, 1, kNewest, binary});
  for (const char* type : {"Sum", "Mean", "Max", "Min"}) rows.push_back({type, 1, kNewest, variadic});
  for (const char* type : {"Equal", "Less", "Greater"}) rows.push_back({type, 1, kNewest, compare});
  for (const char* type : {"LessOrEqual", "GreaterOrEqual"}) rows.push_back({type, 12, kNewest, compare});
  for (const char* type : {"And", "Or", "Xor", "Not"}) rows.push_back({type, 1, kNewest, logic});
  rows.push_back({"Mod", 10, kNewest, mod});
  rows.push_back({"Pow", 1, kNewest, power});
  rows.push_back({"IsNaN", 9, kNewest, isNan});
  rows.push_back({"IsInf", 10, kNewest, isInf});
  rows.push_back({"BitShift", 11, 27, bitShift});  // 28 defines shifts of signed integers
  for (const char* type : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"})
    rows.push_back({type, 18, kNewest, bitwise});
  rows.push_back({"BitwiseNot", 18, kNewest, bitwiseNot});
  rows.push_back({"Where", 9, kNewest, where});
  rows.push_back({"Cast", 1, kNewest, castTo});
  rows.push_back({"CastLike", 15, kNewest, castLike});
  rows.push_back({"Identity", 1, kNewest, identity});
  rows.push_back({"Dropout", 1, kNewest, dropout});
}

}  // namespace tessera::onnx
