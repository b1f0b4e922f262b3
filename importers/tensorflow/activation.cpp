// Operators of one operand.
#include <map>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// TensorFlow's name and the graph's.
const std::map<std::string, std::string>& plainNames() {
  static const std::map<std::string, std::string> names{
      {"Relu", "Relu"},         {"Sigmoid", "Sigmoid"},
      {"Tanh", "Tanh"},         {"Softplus", "Softplus"},
      {"Softsign", "Softsign"}, {"Selu", "Selu"},
      {"Exp", "Exp"},           {"Log", "Log"},
      {"Sqrt", "Sqrt"},         {"Floor", "Floor"},
      {"Ceil", "Ceil"},         {"Round", "Round"},
      {"Rint", "Round"},        {"Sin", "Sin"},
      {"Cos", "Cos"},           {"Tan", "Tan"},
      {"Asin", "Asin"},         {"Acos", "Acos"},
      {"Atan", "Atan"},         {"Sinh", "Sinh"},
      {"Cosh", "Cosh"},         {"Asinh", "Asinh"},
      {"Acosh", "Acosh"},       {"Atanh", "Atanh"},
      {"Erf", "Erf"},           {"Reciprocal", "Reciprocal"},
      {"Inv", "Reciprocal"}};
  return names;
}

void plain(Node& node) { node.set(0, unary(node, plainNames().at(node.type()), node.held(0))); }

void relu6(Node& node) { node.set(0, unary(node, "Clip", node.held(0), {{"alpha", 0.0}, {"beta", 6.0}})); }
void relu1(Node& node) { node.set(0, unary(node, "Clip", node.held(0), {{"alpha", -1.0}, {"beta", 1.0}})); }

void leakyRelu(Node& node) {
  node.set(0, unary(node, "LeakyRelu", node.held(0), {{"alpha", node.attributes().number("alpha", 0.2)}}));
}

void elu(Node& node) {
  node.set(0, unary(node, "Elu", node.held(0), {{"alpha", node.attributes().number("alpha", 1)}}));
}

void rsqrt(Node& node) { node.set(0, unary(node, "Power", node.held(0), {{"alpha", -0.5}})); }

void expm1(Node& node) {
  node.set(0, unary(node, "Affine", unary(node, "Exp", node.held(0), {}, "exp"),
                    {{"alpha", 1.0}, {"beta", -1.0}}));
}

void erfc(Node& node) {
  node.set(0, unary(node, "Affine", unary(node, "Erf", node.held(0), {}, "erf"),
                    {{"alpha", -1.0}, {"beta", 1.0}}));
}

void log1p(Node& node) {
  node.set(
      0, unary(node, "Log", unary(node, "Affine", node.held(0), {{"alpha", 1.0}, {"beta", 1.0}}, "shifted")));
}

void gelu(Node& node) {
  node.set(0, unary(node, node.attributes().integer("approximate") ? "GeluTanh" : "Gelu", node.held(0)));
}

void hardSwish(Node& node) { node.set(0, unary(node, "HardSwish", node.held(0))); }

/// Operators that have integer forms as well.
void signed1(Node& node) {
  const Held x = node.held(0);
  if (node.typeOf(x.id) == DataType::Float32 || node.typeOf(x.id) == DataType::Int32 ||
      node.typeOf(x.id) == DataType::Int64)
    return node.set(0, {node.add(node.type(), {x.id}), x.order});
  node.set(0, node.cast(node.add(node.type(), {node.cast(x.id, DataType::Int32)}), node.typeOf(x.id)),
           x.order);
}

void square(Node& node) { node.set(0, arithmetic(node, "Mul", node.held(0), node.held(0))); }

void identity(Node& node) {
  for (std::size_t i = 0; i < node.outputCount() && i < node.inputCount(); ++i) node.set(i, node.held(i));
}

void cast(Node& node) {
  const DataType to = node.dataType("DstT", DataType::Float32);
  const Held x = node.held(0);
  node.set(0, node.cast(x.id, to), x.order);
}

void predicate(Node& node) {
  const Held x = node.held(0);
  const TensorId real = node.cast(x.id, DataType::Float32);
  if (node.type() == "IsNan") return node.result("IsNan", {real}, {}, x.order);
  const TensorId infinite = node.add("IsInf", {real}, {}, node.type() == "IsInf" ? "" : "infinite");
  if (node.type() == "IsInf") return node.set(0, infinite, x.order);
  const TensorId nan = node.add("IsNan", {real}, {}, "nan");
  node.result("Not", {node.add("Or", {infinite, nan}, {}, "either")}, {}, x.order);
}

/// Along the last axis of the model.
void softmaxNode(Node& node) {
  const Held x = node.held(0);
  const std::int64_t rank = node.rank(0);
  if (rank < 1) node.bad("its input is a single number");
  const std::int64_t last = storedAxis(x.order, rank - 1);
  Held scaled = x;
  if (const double beta = node.attributes().number("beta", 1); beta != 1)
    scaled = unary(node, "Affine", x, {{"alpha", beta}, {"beta", 0.0}}, "beta");
  node.result("Softmax", {scaled.id},
              {{"axis", last}, {"log", static_cast<std::int64_t>(node.type() == "LogSoftmax")}}, x.order);
}

void clipByValue(Node& node) {
  const double low = node.constantNumber(1, "clip_value_min"),
               high = node.constantNumber(2, "clip_value_max");
  const Held x = node.held(0);
  if (node.typeOf(x.id) != DataType::Float32) node.unsupported("it clips integers; Minimum and Maximum do");
  node.set(0, unary(node, "Clip", x, {{"alpha", low}, {"beta", high}}));
}

}  // namespace

void addRows_activation(RowList& rows) {
  for (const auto& [type, op] : plainNames()) rows.push_back({type, plain});
  rows.push_back({"Relu6", relu6});
  rows.push_back({"ReluN1To1", relu1, "of TFLite"});
  rows.push_back({"LeakyRelu", leakyRelu});
  rows.push_back({"Elu", elu});
  rows.push_back({"Gelu", gelu, "of TFLite"});
  rows.push_back({"HardSwish", hardSwish, "of TFLite"});
  rows.push_back({"Rsqrt", rsqrt});
  rows.push_back({"Expm1", expm1});
  rows.push_back({"Erfc", erfc});
  rows.push_back({"Log1p", log1p});
  for (const char* type : {"Abs", "Neg", "Sign"}) rows.push_back({type, signed1});
  rows.push_back({"Square", square});
  for (const char* type : {"Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics",
                           "Snapshot", "EnsureShape", "PlaceholderWithDefault", "ReadVariableOp"})
    rows.push_back({type, identity, type == std::string_view("PlaceholderWithDefault") ? "its default" : ""});
  rows.push_back({"Cast", cast});
  for (const char* type : {"IsNan", "IsInf", "IsFinite"}) rows.push_back({type, predicate});
  rows.push_back({"Softmax", softmaxNode});
  rows.push_back({"LogSoftmax", softmaxNode});
  rows.push_back({"ClipByValue", clipByValue, "of floats"});
}

}  // namespace tessera::tensorflow
