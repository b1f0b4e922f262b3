/// \file
/// Expressions as trees.
#pragma once

#include <string>
#include <vector>

#include "plugin/expression.hpp"

namespace tessera {

struct ExpressionNode {
  enum class Kind {
    Number,
    Name,      ///< ExpressionValues::numbers[slot]
    Local,     ///< what a sum counts
    ListItem,  ///< lists[slot][child 0]
    Element,   ///< of operand `slot`: at the children, or where the result's element is
    Extent,    ///< of operand `slot`, axis child 0
    Rank,
    Size,
    Present,
    Function,  ///< functions()[slot] of the children
    Choice,    ///< child 0 ? child 1 : child 2
    And,
    Or,
    Sum,  ///< of child 2, local `slot` counting from child 0 to before child 1
    Product,
    Largest,
    Least,
  } kind = Kind::Number;
  double number = 0;
  std::size_t slot = 0;
  std::vector<std::size_t> children;  ///< nodes by index
};

struct Expression::Code {
  std::string text;
  std::vector<ExpressionNode> nodes;
  std::size_t root = 0, locals = 0;
  std::vector<std::string> operands;  ///< names, for messages
};

/// A function of numbers, or an operator, which is one as well.
struct ExpressionFunction {
  std::string_view name;
  std::size_t arguments;
  double (*compute)(const double* arguments);
};
std::span<const ExpressionFunction> expressionFunctions();
/// Its place in the list; as many as there are where there is none of that name.
std::size_t findExpressionFunction(std::string_view name);

}  // namespace tessera
