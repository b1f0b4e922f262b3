// Pointwise operators and chains of them.
#include <cmath>
#include <set>

#include "exporters/onnx/float_layers.hpp"

namespace tessera::onnx {
namespace {

/// Operators whose name and meaning are those of the format.
const std::set<std::string> kSame = {
    "Relu",  "Sigmoid",    "Tanh", "HardSwish", "Softplus", "Softsign", "Erf",   "Exp",   "Log",
    "Sqrt",  "Reciprocal", "Abs",  "Neg",       "Floor",    "Ceil",     "Round", "Sign",  "Sin",
    "Cos",   "Tan",        "Asin", "Acos",      "Atan",     "Sinh",     "Cosh",  "Asinh", "Acosh",
    "Atanh", "Add",        "Sub",  "Mul",       "Div",      "Pow",      "Min",   "Max",   "PRelu"};
const std::set<std::string> kWithAlpha = {"LeakyRelu", "Elu", "Celu", "ThresholdedRelu"};

/// Writes the steps of one operator, each under a name of its own.
class Steps {
 public:
  Steps(ModelWriter& model, std::string name, std::string output)
      : model_(model), name_(std::move(name)), output_(std::move(output)) {}

  std::string inner(const std::string& type, const std::vector<std::string>& inputs,
                    const Attributes& attrs = {}) {
    return model_.node(type, name_ + "/" + type, inputs, model_.unique(output_ + "/" + type), attrs);
  }
  std::string last(const std::string& type, const std::vector<std::string>& inputs,
                   const Attributes& attrs = {}) {
    return model_.node(type, name_, inputs, output_, attrs);
  }
  std::string number(double value) { return model_.scalar(output_ + "/number", static_cast<float>(value)); }

 private:
  ModelWriter& model_;
  std::string name_, output_;
};

std::string affine(Steps& s, const std::string& x, double alpha, double beta) {
  if (beta == 0) return s.last("Mul", {x, s.number(alpha)});
  const std::string scaled = alpha == 1 ? x : s.inner("Mul", {x, s.number(alpha)});
  return s.last("Add", {scaled, s.number(beta)});
}

/// 0.5 x (1 + erf(x / sqrt(2))), or with a tanh in its place.
std::string gelu(Steps& s, const std::string& x, bool tanh) {
  std::string curve;
  if (tanh) {
    const std::string cube = s.inner("Mul", {s.inner("Mul", {x, x}), x});
    const std::string sum = s.inner("Add", {x, s.inner("Mul", {cube, s.number(0.044715)})});
    curve = s.inner("Tanh", {s.inner("Mul", {sum, s.number(0.7978845608)})});
  } else {
    curve = s.inner("Erf", {s.inner("Mul", {x, s.number(0.70710678118)})});
  }
  const std::string gate = s.inner("Add", {curve, s.number(1)});
  return s.last("Mul", {s.inner("Mul", {x, gate}), s.number(0.5)});
}

/// Bounds that are infinite are left out.
std::string clip(Steps& s, const std::string& x, double low, double high) {
  if (std::isinf(low) && std::isinf(high)) return s.last("Identity", {x});
  std::vector<std::string> inputs{x, std::isinf(low) ? std::string() : s.number(low)};
  if (!std::isinf(high)) inputs.push_back(s.number(high));
  return s.last("Clip", inputs);
}

}  // namespace

std::string writePointwise(ModelWriter& model, const std::string& op,
                           const std::vector<std::string>& operands, double alpha, double beta,
                           const std::string& name, const std::string& output) {
  Steps s(model, name, output);
  const std::string& x = operands.at(0);
  if (kSame.count(op)) return s.last(op, operands);
  if (kWithAlpha.count(op)) return s.last(op, operands, {{"alpha", alpha}});
  if (op == "HardSigmoid") return s.last(op, operands, {{"alpha", alpha}, {"beta", beta}});
  if (op == "Selu") return s.last(op, operands, {{"alpha", alpha}, {"gamma", beta}});
  if (op == "Shrink") return s.last(op, operands, {{"lambd", alpha}, {"bias", beta}});
  if (op == "Clip") return clip(s, x, alpha, beta);
  if (op == "Silu") return s.last("Mul", {x, s.inner("Sigmoid", {x})});
  if (op == "Mish") return s.last("Mul", {x, s.inner("Tanh", {s.inner("Softplus", {x})})});
  if (op == "Gelu" || op == "GeluTanh") return gelu(s, x, op == "GeluTanh");
  if (op == "Affine") return affine(s, x, alpha, beta);
  if (op == "Power") return s.last("Pow", {x, s.number(alpha)});
  throw Error(ErrorCode::Unsupported, "the writer has no form for the function " + op);
}

std::string writeChain(ModelWriter& model, const PointwiseChain& chain,
                       const std::vector<std::string>& inputs, const std::string& name,
                       const std::string& output) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < chain.steps.size(); ++i) {
    const ChainStep& step = chain.steps[i];
    const bool last = i + 1 == chain.steps.size();
    std::vector<std::string> operands;
    for (const ChainOperand& operand : step.operands)
      operands.push_back(
          operand.kind == ChainOperand::Kind::Input  ? inputs.at(static_cast<std::size_t>(operand.index))
          : operand.kind == ChainOperand::Kind::Step ? values.at(static_cast<std::size_t>(operand.index))
                                                     : model.scalar(output + "/number", operand.number));
    const std::string stepName = last ? name : name + "/" + step.op;
    values.push_back(writePointwise(model, step.op, operands, static_cast<double>(step.alpha),
                                    static_cast<double>(step.beta), stepName,
                                    last ? output : model.unique(output + "/" + step.op)));
  }
  return output;
}

}  // namespace tessera::onnx
