// Parser, printer and host evaluator of pointwise chains.
#include "ops/pointwise_chain.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tessera/error.hpp"

namespace tessera {
namespace {

/// Reads an expression from left to right.
class ChainReader {
 public:
  explicit ChainReader(std::string_view text) : text_(text) {}

  PointwiseChain read() {
    PointwiseChain chain;
    do chain.steps.push_back(step(static_cast<int>(chain.steps.size())));
    while (take(";"));
    if (at_ != text_.size()) fail("expected ';' or the end");
    return chain;
  }

 private:
  ChainStep step(int index) {
    expect("t" + std::to_string(index) + "=");
    std::string name;
    while (at_ < text_.size() && std::isalnum(static_cast<unsigned char>(text_[at_]))) name += text_[at_++];
    if (!fitsChain(name)) fail("'" + name + "' is not an operator of chains");
    ChainStep step(name);
    expect("(");
    do argument(step);
    while (take(","));
    expect(")");
    return step;
  }

  void argument(ChainStep& step) {
    if (take("alpha="))
      step.alpha = number();
    else if (take("beta="))
      step.beta = number();
    else if (take("x"))
      step.operands.push_back(ChainOperand::input(integer()));
    else if (take("t"))
      step.operands.push_back(ChainOperand::step(integer()));
    else
      step.operands.push_back(ChainOperand::constant(number()));
  }

  template <class T>
  T value() {
    T result{};
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), result);
    if (error != std::errc{}) fail("expected a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return result;
  }
  int integer() {
    const int result = value<int>();
    if (result < 0) fail("an index is negative");
    return result;
  }
  float number() { return value<float>(); }

  bool take(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(const std::string& token) {
    if (!take(token)) fail("expected '" + token + "'");
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::InvalidArgument, "the pointwise expression '" + std::string(text_) +
                                                "' is wrong at character " + std::to_string(at_) + ": " +
                                                why);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string numberText(float value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string operandText(const ChainOperand& operand) {
  switch (operand.kind) {
    case ChainOperand::Kind::Input:
      return "x" + std::to_string(operand.index);
    case ChainOperand::Kind::Step:
      return "t" + std::to_string(operand.index);
    case ChainOperand::Kind::Number:
      break;
  }
  return numberText(operand.number);
}

bool sameNumber(float a, double b) { return a == static_cast<float>(b) || (std::isnan(a) && std::isnan(b)); }

std::size_t operandCount(const ChainStep& step) {
  return step.row ? static_cast<std::size_t>(step.row->arity()) : 3;
}

template <class T>
T evaluateAs(const PointwiseChain& chain, std::span<const T> inputs) {
  std::vector<T> values;
  values.reserve(chain.steps.size());
  for (const ChainStep& step : chain.steps) {
    T v[3] = {};
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      const ChainOperand& operand = step.operands[i];
      v[i] = operand.kind == ChainOperand::Kind::Input  ? inputs[operand.index]
             : operand.kind == ChainOperand::Kind::Step ? values[operand.index]
                                                        : static_cast<T>(operand.number);
    }
    if (!step.row)
      values.push_back(v[0] != 0 ? v[1] : v[2]);
    else if constexpr (std::is_same_v<T, float>)
      values.push_back(step.row->single(v[0], v[1], step.alpha, step.beta));
    else
      values.push_back(step.row->wide(v[0], v[1], step.alpha, step.beta));
  }
  return values.back();
}

}  // namespace

bool fitsChain(std::string_view op) {
  if (op == "Where") return true;
  const PointwiseOp* row = findPointwise(op);
  return row && row->wide;
}

ChainStep::ChainStep(std::string name, std::vector<ChainOperand> values)
    : op(std::move(name)), operands(std::move(values)), row(findPointwise(op)) {
  if (row) {
    alpha = static_cast<float>(row->alpha);
    beta = static_cast<float>(row->beta);
  }
}

PointwiseChain PointwiseChain::parse(std::string_view text) {
  PointwiseChain chain = ChainReader(text).read();
  chain.check();
  return chain;
}

std::string PointwiseChain::text() const {
  std::string out;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const ChainStep& step = steps[i];
    out += (i ? ";t" : "t") + std::to_string(i) + "=" + step.op + "(";
    for (std::size_t k = 0; k < step.operands.size(); ++k)
      out += (k ? "," : "") + operandText(step.operands[k]);
    if (step.row && !sameNumber(step.alpha, step.row->alpha)) out += ",alpha=" + numberText(step.alpha);
    if (step.row && !sameNumber(step.beta, step.row->beta)) out += ",beta=" + numberText(step.beta);
    out += ")";
  }
  return out;
}

int PointwiseChain::inputCount() const {
  int count = 0;
  for (const ChainStep& step : steps)
    for (const ChainOperand& operand : step.operands)
      if (operand.kind == ChainOperand::Kind::Input) count = std::max(count, operand.index + 1);
  return count;
}

ChainOperand PointwiseChain::append(const std::string& op, std::vector<ChainOperand> operands,
                                    const Attributes& attrs) {
  ChainStep step(op, std::move(operands));
  if (step.row) {
    const auto constants = pointwiseConstants(*step.row, attrs);
    step.alpha = constants.alpha;
    step.beta = constants.beta;
  }
  steps.push_back(std::move(step));
  return ChainOperand::step(static_cast<int>(steps.size()) - 1);
}

void PointwiseChain::scaleInput(int input, int scale) {
  for (ChainStep& step : steps)
    for (ChainOperand& operand : step.operands)
      if (operand.kind == ChainOperand::Kind::Step)
        ++operand.index;
      else if (operand == ChainOperand::input(input))
        operand = ChainOperand::step(0);
  steps.insert(steps.begin(), ChainStep("Mul", {ChainOperand::input(input), ChainOperand::input(scale)}));
}

void PointwiseChain::check() const {
  const auto fail = [](std::size_t step, const std::string& why) {
    throw Error(ErrorCode::InvalidArgument,
                "step t" + std::to_string(step) + " of a pointwise expression " + why);
  };
  if (steps.empty()) throw Error(ErrorCode::InvalidArgument, "a pointwise expression has no step");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const ChainStep& step = steps[i];
    if (!fitsChain(step.op)) fail(i, "names '" + step.op + "', which chains do not know");
    if (step.operands.size() != operandCount(step))
      fail(i, "gives " + step.op + " " + std::to_string(step.operands.size()) + " operands instead of " +
                  std::to_string(operandCount(step)));
    for (const ChainOperand& operand : step.operands)
      if (operand.kind == ChainOperand::Kind::Step && operand.index >= static_cast<int>(i))
        fail(i, "uses t" + std::to_string(operand.index) + " before it is computed");
  }
}

double PointwiseChain::evaluate(std::span<const double> inputs) const {
  return evaluateAs<double>(*this, inputs);
}
float PointwiseChain::evaluateSingle(std::span<const float> inputs) const {
  return evaluateAs<float>(*this, inputs);
}

}  // namespace tessera
