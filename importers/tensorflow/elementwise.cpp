// Operators of two or more operands, comparisons, logic and choice.
#include <map>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

const std::map<std::string, std::string>& binaryNames() {
  static const std::map<std::string, std::string> names{
      {"Add", "Add"},     {"AddV2", "Add"},   {"Sub", "Sub"},         {"Mul", "Mul"},
      {"Div", "Div"},     {"RealDiv", "Div"}, {"TruncateDiv", "Div"}, {"Maximum", "Max"},
      {"Minimum", "Min"}, {"Pow", "Pow"},     {"FloorMod", "Mod"}};
  return names;
}

void binary(Node& node) {
  node.set(0, arithmetic(node, binaryNames().at(node.type()), node.held(0), node.held(1)));
}

/// The quotient rounded down.
void floorDiv(Node& node) {
  const Held a = node.held(0), b = node.held(1);
  if (node.typeOf(a.id) == DataType::Float32)
    return node.set(0, unary(node, "Floor", arithmetic(node, "Div", a, b, {}, "quotient")));
  const Held rest = arithmetic(node, "Mod", a, b, {}, "rest");
  node.set(0, arithmetic(node, "Div", arithmetic(node, "Sub", a, rest, {}, "whole"), b));
}

void squaredDifference(Node& node) {
  const Held difference = arithmetic(node, "Sub", node.held(0), node.held(1), {}, "difference");
  node.set(0, arithmetic(node, "Mul", difference, difference));
}

/// The remainder with the sign of the dividend.
void truncateMod(Node& node) {
  node.set(0, arithmetic(node, "Mod", node.held(0), node.held(1), {{"alpha", 1.0}}));
}

void addN(Node& node) {
  Held sum = node.held(0);
  for (std::size_t i = 1; i < node.inputCount(); ++i) sum = arithmetic(node, "Add", sum, node.held(i));
  node.set(0, sum);
}

/// A bias along the channels, which are last unless data_format says otherwise.
void biasAdd(Node& node) {
  const Held x = node.held(0);
  const std::int64_t rank = node.rank(0);
  if (node.rank(1) != 1 || rank < 2) node.bad("it wants an input of channels and a list");
  const std::int64_t channel = node.channelsLast() ? rank - 1 : 1;
  Shape shape(static_cast<std::size_t>(rank), 1);
  shape[static_cast<std::size_t>(channel)] = node.shape(1)[0];
  if (node.shape(1)[0] != node.shape(0)[static_cast<std::size_t>(channel)])
    node.bad("a bias of " + std::to_string(node.shape(1)[0]) + " does not fit " + toString(node.shape(0)));
  node.set(0, arithmetic(node, "Add", x, node.reshaped(node.held(1), shape, "bias")));
}

const std::map<std::string, std::string>& comparisonNames() {
  static const std::map<std::string, std::string> names{{"Equal", "Equal"},
                                                        {"Less", "Less"},
                                                        {"LessEqual", "LessOrEqual"},
                                                        {"Greater", "Greater"},
                                                        {"GreaterEqual", "GreaterOrEqual"},
                                                        {"LogicalAnd", "And"},
                                                        {"LogicalOr", "Or"}};
  return names;
}

void comparison(Node& node) {
  const Aligned both = aligned(node, {node.held(0), node.held(1)});
  node.result(comparisonNames().at(node.type()), both.ids, {}, both.order);
}

void notEqual(Node& node) {
  const Aligned both = aligned(node, {node.held(0), node.held(1)});
  node.result("Not", {node.add("Equal", both.ids, {}, "equal")}, {}, both.order);
}

void logicalNot(Node& node) { node.result("Not", {node.held(0).id}, {}, node.held(0).order); }

/// The older Select takes a list as a condition of whole rows.
void select(Node& node) {
  Held condition = node.held(0);
  const auto rank = static_cast<std::size_t>(node.rank(1));
  if (node.type() == "Select" && node.rank(0) == 1 && rank > 1) {
    Shape rows(rank, 1);
    rows[0] = node.shape(0)[0];
    condition = node.reshaped(condition, rows, "rows");
  }
  const Aligned all = aligned(node, {condition, node.held(1), node.held(2)});
  node.result("Where", all.ids, {}, all.order);
}

/// x below 0 is multiplied with a slope that broadcasts.
void prelu(Node& node) { node.set(0, arithmetic(node, "PRelu", node.held(0), node.held(1))); }

}  // namespace

void addRows_elementwise(RowList& rows) {
  for (const auto& [type, op] : binaryNames()) rows.push_back({type, binary});
  rows.push_back({"FloorDiv", floorDiv});
  rows.push_back({"SquaredDifference", squaredDifference});
  for (const char* type : {"Mod", "TruncateMod"}) rows.push_back({type, truncateMod});
  for (const char* type : {"AddN", "AccumulateNV2"}) rows.push_back({type, addN});
  for (const char* type : {"BiasAdd", "BiasAddV1"}) rows.push_back({type, biasAdd});
  for (const auto& [type, op] : comparisonNames()) rows.push_back({type, comparison});
  rows.push_back({"NotEqual", notEqual});
  rows.push_back({"LogicalNot", logicalNot});
  for (const char* type : {"Select", "SelectV2"}) rows.push_back({type, select});
  rows.push_back({"PRelu", prelu, "of TFLite"});
}

}  // namespace tessera::tensorflow
