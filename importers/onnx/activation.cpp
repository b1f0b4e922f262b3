// Unary functions, activations and softmaxes.
#include <limits>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

constexpr double kLowest = std::numeric_limits<float>::lowest(), kHighest = std::numeric_limits<float>::max();

bool isIntegral(DataType type) { return type != DataType::Float32 && type != DataType::Float16; }

/// Integers are computed in i32 or i64 by two-operand operators, which are defined for them.
TensorId wide(Node& node, TensorId id) {
  return node.typeOf(id) == DataType::Int64 ? id : node.cast(id, DataType::Int32);
}

void integralUnary(Node& node) {
  const DataType type = node.typeOf(node.in(0));
  const TensorId x = wide(node, node.in(0));
  const TensorId zero = node.scalar(node.typeOf(x), 0, "zero");
  TensorId y = x;
  if (node.type() == "Neg") {
    y = node.add("Sub", {zero, x});
  } else if (node.type() == "Abs") {
    y = node.add("Max", {x, node.add("Sub", {zero, x}, {}, "negative")});
  } else if (node.type() == "Relu") {
    y = node.add("Max", {x, zero});
  } else if (node.type() == "Sign") {
    const TensorId above = node.cast(node.add("Greater", {x, zero}, {}, "above"), node.typeOf(x));
    const TensorId below = node.cast(node.add("Less", {x, zero}, {}, "below"), node.typeOf(x));
    y = node.add("Sub", {above, below});
  } else {
    node.unsupported("it is defined for floating point only here, its input is " +
                     std::string(toString(type)));
  }
  node.set(0, node.cast(y, type));
}

/// Functions of one operand that Tessera has under the same name, without attributes.
void unaryNode(Node& node) {
  if (isIntegral(node.typeOf(node.in(0)))) return integralUnary(node);
  node.result(node.type(), {node.in(0)});
}

struct NamedNumber {
  const char* name;  ///< of the model's attribute; null: Tessera's operator has no such number
  double fallback;
};
struct Parametric {
  const char* type;
  NamedNumber alpha, beta;
};
constexpr Parametric kParametric[] = {
    {"LeakyRelu", {"alpha", 0.01}, {nullptr, 0}},
    {"Elu", {"alpha", 1}, {nullptr, 0}},
    {"Celu", {"alpha", 1}, {nullptr, 0}},
    {"ThresholdedRelu", {"alpha", 1}, {nullptr, 0}},
    {"HardSigmoid", {"alpha", 0.2}, {"beta", 0.5}},
    {"Selu", {"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}},
    {"Shrink", {"lambd", 0.5}, {"bias", 0}},
};

void parametric(Node& node) {
  for (const auto& row : kParametric) {
    if (node.type() != row.type) continue;
    Attributes attrs{{"alpha", node.number(row.alpha.name, row.alpha.fallback)}};
    if (row.beta.name) attrs.set("beta", node.number(row.beta.name, row.beta.fallback));
    const DataType type = node.typeOf(node.in(0));  // Shrink takes integers
    const TensorId y = node.add(node.type(), {node.cast(node.in(0), DataType::Float32)}, std::move(attrs));
    return node.set(0, node.cast(y, type));
  }
  throw Error(ErrorCode::Internal, "no parameters are listed for " + node.type());
}

void gelu(Node& node) {
  const std::string how = node.string("approximate", "none");
  if (how != "none" && how != "tanh") node.bad("attribute approximate has the unknown value " + how);
  node.result(how == "tanh" ? "GeluTanh" : "Gelu", {node.in(0)});
}

/// x * sigmoid(alpha * x)
void swish(Node& node) {
  const double alpha = node.number("alpha", 1);
  const TensorId x = node.in(0);
  if (alpha == 1) return node.result("Silu", {x});
  const TensorId scaled = node.add("Affine", {x}, {{"alpha", alpha}, {"beta", 0.0}}, "scaled");
  node.result("Mul", {x, node.add("Sigmoid", {scaled}, {}, "gate")});
}

void prelu(Node& node) {
  TensorId slope = node.in(1);
  // Before operator set 7 a list of slopes meant one per channel; numpy's rules would read it as one per
  // column.
  const Shape shape = node.shapeOf(slope);
  if (node.opset() < 7 && shape.size() == 1 && shape[0] > 1 && node.rank(0) > 2) {
    Shape perChannel(static_cast<std::size_t>(node.rank(0) - 1), 1);
    perChannel[0] = shape[0];
    slope = node.reshape(slope, perChannel, "slope");
  }
  node.result("PRelu", {node.in(0), slope});
}

void clip(Node& node) {
  const TensorId x = node.in(0);
  const DataType type = node.typeOf(x);
  const bool attributes = node.opset() < 11;
  const bool known = attributes || ((!node.has(1) || node.valueOf(node.in(1))) &&
                                    (!node.has(2) || node.valueOf(node.in(2))));
  if (type == DataType::Float32 && known) {
    const auto bound = [&](std::size_t i, const char* name, double fallback) {
      if (attributes) return node.number(name, fallback);
      if (!node.has(i)) return fallback;
      const auto values = node.constantNumbers(i, name);
      if (values.size() != 1) node.bad(std::string("bound ") + name + " has to be a single number");
      return values[0];
    };
    const double low = bound(1, "min", kLowest), high = bound(2, "max", kHighest);
    return node.result("Clip", {x}, {{"alpha", low}, {"beta", high}});
  }
  // Bounds that are computed, or integers: the bounds are operands.
  const bool small = type != DataType::Float32 && type != DataType::Int32 && type != DataType::Int64;
  const DataType inner = small ? DataType::Int32 : type;
  TensorId y = node.cast(x, inner);
  if (node.has(1)) y = node.add("Max", {y, node.cast(node.in(1), inner)}, {}, "min");
  if (node.has(2)) y = node.add("Min", {y, node.cast(node.in(2), inner)}, {}, "max");
  node.set(0, node.cast(y, type));
}

Attributes alongAxis(std::int64_t axis, bool log) {
  return {{"axis", axis}, {"log", static_cast<std::int64_t>(log)}};
}

/// [product of the extents before axis, product of the rest], as softmaxes before operator set 13 see their
/// input.
Shape flattened(const Shape& shape, std::int64_t axis) {
  Shape flat{1, 1};
  for (std::size_t i = 0; i < shape.size(); ++i)
    flat[static_cast<std::int64_t>(i) < axis ? 0 : 1] *= shape[i];
  return flat;
}

/// Applies `op` along an axis: over that axis alone, or over all from it on where the operator set says so.
template <class Op>
void overAxis(Node& node, Op op) {
  const bool flatten = node.opset() < 13;
  const Shape shape = node.shape(0);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const std::int64_t given = node.integer("axis", flatten ? 1 : -1);
  const std::int64_t axis = flatten && given == rank ? rank : node.axis(given, rank);
  const Shape flat = flattened(shape, axis);
  if (!flatten || (axis < rank && flat[1] == shape[static_cast<std::size_t>(axis)]))
    return node.set(0, op(node.in(0), axis));
  node.set(0, node.reshape(op(node.reshape(node.in(0), flat, "flatten"), 1), shape, "unflatten"));
}

void softmaxNode(Node& node) {
  const bool log = node.type() == "LogSoftmax";
  overAxis(node,
           [&](TensorId x, std::int64_t axis) { return node.add("Softmax", {x}, alongAxis(axis, log)); });
}

void hardmax(Node& node) {
  const TensorId values = node.constantOf(HostTensor::of<float>({2}, {0, 1}), "values");
  overAxis(node, [&](TensorId x, std::int64_t axis) {
    const std::int64_t depth = node.shapeOf(x)[static_cast<std::size_t>(axis)];
    const TensorId largest =
        node.add("ArgReduce", {x}, {{"mode", "max"}, {"axis", axis}, {"keepdims", 0}}, "largest");
    return node.add("OneHot", {largest, values}, {{"depth", depth}, {"axis", axis}});
  });
}

}  // namespace

void addRows_activation(RowList& rows) {
  for (const char* type :
       {"Relu", "Sigmoid",    "Tanh", "HardSwish", "Mish",  "Softplus", "Softsign", "Erf",   "Exp",  "Log",
        "Sqrt", "Reciprocal", "Abs",  "Neg",       "Floor", "Ceil",     "Round",    "Sign",  "Sin",  "Cos",
        "Tan",  "Asin",       "Acos", "Atan",      "Sinh",  "Cosh",     "Asinh",    "Acosh", "Atanh"})
    rows.push_back({type, 1, kNewest, unaryNode});
  for (const auto& row : kParametric) rows.push_back({row.type, 1, kNewest, parametric});
  rows.push_back({"Gelu", 20, kNewest, gelu});
  rows.push_back({"Swish", 24, kNewest, swish});
  rows.push_back({"PRelu", 1, kNewest, prelu});
  rows.push_back({"Clip", 1, kNewest, clip});
  rows.push_back({"Softmax", 1, kNewest, softmaxNode});
  rows.push_back({"LogSoftmax", 1, kNewest, softmaxNode});
  rows.push_back({"Hardmax", 1, kNewest, hardmax});
}

}  // namespace tessera::onnx
