// Values of expressions.
#include "plugin/expression.hpp"

#include <cmath>

#include "plugin/expression_code.hpp"

namespace tessera {
namespace {

using Kind = ExpressionNode::Kind;

class Evaluator {
 public:
  Evaluator(const Expression::Code& code, const ExpressionValues& values)
      : code_(code), values_(values), locals_(code.locals) {}

  double run() { return value(code_.root); }
  std::int64_t steps() const { return steps_; }

  /// Of a node and all below it; sums count as often as they add, where that is known without elements.
  double estimate(std::size_t at) {
    const ExpressionNode& node = code_.nodes[at];
    const auto& children = node.children;
    double steps = 1;
    if (node.kind < Kind::Sum) {
      for (const std::size_t child : children) steps += estimate(child);
      return steps;
    }
    double count = 16;
    try {
      count = value(children[1]) - value(children[0]);
    } catch (const Error&) {
    }
    return steps + estimate(children[0]) + estimate(children[1]) +
           std::fmax(count, 0) * estimate(children[2]);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::InvalidArgument, "the expression '" + code_.text + "' has no value: " + why);
  }

  double value(std::size_t at) {
    const ExpressionNode& node = code_.nodes[at];
    if (++steps_ > Expression::kMostSteps)
      fail("it takes more than " + std::to_string(Expression::kMostSteps) + " steps");
    switch (node.kind) {
      case Kind::Number:
        return node.number;
      case Kind::Name:
        return values_.numbers.at(node.slot);
      case Kind::Local:
        return locals_[node.slot];
      case Kind::ListItem:
        return listItem(node);
      case Kind::Element:
        return node.children.empty() ? elementHere(node.slot) : elementAt(node);
      case Kind::Extent:
      case Kind::Rank:
      case Kind::Size:
      case Kind::Present:
        return fact(node);
      case Kind::Function:
        return function(node);
      case Kind::Choice:
        return value(node.children[0]) != 0 ? value(node.children[1]) : value(node.children[2]);
      case Kind::And:
        return value(node.children[0]) != 0 && value(node.children[1]) != 0;
      case Kind::Or:
        return value(node.children[0]) != 0 || value(node.children[1]) != 0;
      default:
        return reduction(node);
    }
  }

  double function(const ExpressionNode& node) {
    double arguments[3] = {};
    for (std::size_t i = 0; i < node.children.size(); ++i) arguments[i] = value(node.children[i]);
    return expressionFunctions()[node.slot].compute(arguments);
  }

  std::int64_t whole(std::size_t at, const char* what) {
    const double number = value(at);
    if (!(std::fabs(number) < 9e15) || number != std::floor(number))
      fail(std::string(what) + " is " + std::to_string(number) + ", which is not whole");
    return static_cast<std::int64_t>(number);
  }

  double listItem(const ExpressionNode& node) {
    const std::int64_t i = whole(node.children[0], "an index");
    const auto& list = values_.lists.at(node.slot);
    if (i < 0 || i >= static_cast<std::int64_t>(list.size()))
      fail("a list of " + std::to_string(list.size()) + " has no entry " + std::to_string(i));
    return list[static_cast<std::size_t>(i)];
  }

  const TensorDesc& operand(std::size_t slot) const {
    const TensorDesc& desc = values_.operands.at(slot);
    if (!desc.present()) fail("'" + code_.operands[slot] + "' is absent");
    return desc;
  }

  double fact(const ExpressionNode& node) {
    if (node.kind == Kind::Present) return values_.operands.at(node.slot).present();
    const Shape& shape = operand(node.slot).shape;
    const auto rank = static_cast<std::int64_t>(shape.size());
    if (node.kind == Kind::Rank) return static_cast<double>(rank);
    if (node.kind == Kind::Size) return static_cast<double>(elementCount(shape));
    const std::int64_t axis = whole(node.children[0], "an axis");
    const std::int64_t place = axis < 0 ? axis + rank : axis;
    if (place < 0 || place >= rank)
      fail("'" + code_.operands[node.slot] + "' (" + toString(shape) + ") has no axis " +
           std::to_string(axis));
    return static_cast<double>(shape[static_cast<std::size_t>(place)]);
  }

  // As operands broadcast: extents from the last one on, 1 for any.
  double elementHere(std::size_t slot) const {
    const Shape& shape = operand(slot).shape;
    if (shape.size() > values_.index.size())
      fail("'" + code_.operands[slot] + "' (" + toString(shape) +
           ") has more extents than the result: give an index");
    const std::size_t skipped = values_.index.size() - shape.size();
    std::int64_t at = 0;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      const std::int64_t i = shape[a] == 1 ? 0 : values_.index[skipped + a];
      if (i >= shape[a])
        fail("'" + code_.operands[slot] + "' (" + toString(shape) +
             ") has another shape than the result: give an index");
      at = at * shape[a] + i;
    }
    return tensor(slot).number(at);
  }

  const HostTensor& tensor(std::size_t slot) const {
    if (slot >= values_.tensors.size()) fail("elements are not known here");
    return values_.tensors[slot];
  }

  double elementAt(const ExpressionNode& node) {
    const Shape& shape = operand(node.slot).shape;
    if (shape.size() != node.children.size())
      fail("'" + code_.operands[node.slot] + "' (" + toString(shape) + ") has " +
           std::to_string(shape.size()) + " extents, " + std::to_string(node.children.size()) +
           " indices are given");
    std::int64_t at = 0;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      const std::int64_t i = whole(node.children[a], "an index");
      if (i < 0 || i >= shape[a])
        fail("'" + code_.operands[node.slot] + "' (" + toString(shape) + ") has nothing at " +
             std::to_string(i) + " of axis " + std::to_string(a));
      at = at * shape[a] + i;
    }
    return tensor(node.slot).number(at);
  }

  double reduction(const ExpressionNode& node) {
    const std::int64_t from = whole(node.children[0], "where a sum begins"),
                       to = whole(node.children[1], "where a sum ends");
    double result = node.kind == Kind::Product ? 1 : 0;
    if (node.kind == Kind::Largest) result = -INFINITY;
    if (node.kind == Kind::Least) result = INFINITY;
    for (std::int64_t k = from; k < to; ++k) {
      locals_[node.slot] = static_cast<double>(k);
      const double x = value(node.children[2]);
      if (node.kind == Kind::Sum) result += x;
      if (node.kind == Kind::Product) result *= x;
      if (node.kind == Kind::Largest) result = std::fmax(result, x);
      if (node.kind == Kind::Least) result = std::fmin(result, x);
    }
    return result;
  }

  const Expression::Code& code_;
  const ExpressionValues& values_;
  std::vector<double> locals_;
  std::int64_t steps_ = 0;
};

}  // namespace

const std::string& Expression::text() const {
  static const std::string none;
  return code_ ? code_->text : none;
}

double Expression::value(const ExpressionValues& values, std::int64_t* steps) const {
  Evaluator evaluator(*code_, values);
  const double value = evaluator.run();
  if (steps) *steps += evaluator.steps();
  return value;
}

std::int64_t Expression::whole(const ExpressionValues& values) const {
  const double number = value(values);
  if (!(std::fabs(number) < 9e15) || number != std::floor(number))
    throw Error(ErrorCode::InvalidArgument,
                "the expression '" + code_->text + "' is " + std::to_string(number) + ", which is not whole");
  return static_cast<std::int64_t>(number);
}

double Expression::estimate(const ExpressionValues& values) const {
  return Evaluator(*code_, values).estimate(code_->root);
}

}  // namespace tessera
