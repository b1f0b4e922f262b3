// Operators of two operands that have a value where the plain ones have none.
#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// 0 where `tested` is 0, else `value`, whatever that is.
void zeroWhereZero(Node& node, const Held& tested, const Held& value) {
  const Held zero{node.scalar(node.typeOf(tested.id), 0, "zero")};
  const Aligned compared = aligned(node, {tested, zero});
  const Held isZero{node.add("Equal", compared.ids, {}, "is zero"), compared.order};
  const Aligned all = aligned(node, {isZero, zero, value});
  node.result("Where", all.ids, {}, all.order);
}

void divNoNan(Node& node) {
  zeroWhereZero(node, node.held(1), arithmetic(node, "Div", node.held(0), node.held(1), {}, "quotient"));
}

/// x y, and 0 where y is 0, even if x is infinite.
void mulNoNan(Node& node) {
  zeroWhereZero(node, node.held(1), arithmetic(node, "Mul", node.held(0), node.held(1), {}, "product"));
}

void xdivy(Node& node) {
  zeroWhereZero(node, node.held(0), arithmetic(node, "Div", node.held(0), node.held(1), {}, "quotient"));
}

/// x log(y), or x log(1 + y).
void xlogy(Node& node) {
  Held y = node.held(1);
  if (node.type() == "Xlog1py")
    y = arithmetic(node, "Add", y, {node.scalar(node.typeOf(y.id), 1, "one")}, {}, "more");
  const Held logarithm = unary(node, "Log", y, {}, "logarithm");
  zeroWhereZero(node, node.held(0), arithmetic(node, "Mul", node.held(0), logarithm, {}, "product"));
}

/// The angle of (x, y), from that in the first quadrant: inputs y, x.
void atan2(Node& node) {
  const Held y = node.held(0), x = node.held(1);
  const DataType type = node.typeOf(y.id);
  if (type != DataType::Float32) node.unsupported("it is of " + std::string(toString(type)));
  const Held zero{node.scalar(type, 0, "zero")}, half{node.scalar(type, 3.14159265358979323846, "half turn")};
  const auto where = [&](const Held& condition, const Held& a, const Held& b, const std::string& part) {
    const Aligned all = aligned(node, {condition, a, b});
    return Held{node.add("Where", all.ids, {}, part), all.order};
  };
  const auto compared = [&](const std::string& op, const Held& value, const std::string& part) {
    const Aligned both = aligned(node, {value, zero});
    return Held{node.add(op, both.ids, {}, part), both.order};
  };
  const Held height = unary(node, "Abs", y, {}, "height");
  const Held slope = arithmetic(node, "Div", height, unary(node, "Abs", x, {}, "width"), {}, "slope");
  // 0 / 0: on the axis.
  const Held steep =
      where(compared("Equal", y, "flat"), zero, unary(node, "Atan", slope, {}, "steep"), "first");
  const Held turned = arithmetic(node, "Sub", half, steep, {}, "turned");
  const Held above = where(compared("Less", x, "left"), turned, steep, "above");
  node.set(0, where(compared("Less", y, "below"), unary(node, "Neg", above, {}, "mirrored"), above, ""));
}

}  // namespace

void addRows_guarded(RowList& rows) {
  rows.push_back({"DivNoNan", divNoNan});
  rows.push_back({"MulNoNan", mulNoNan});
  rows.push_back({"Xdivy", xdivy});
  for (const char* type : {"Xlogy", "Xlog1py"}) rows.push_back({type, xlogy, "of floats"});
  rows.push_back({"Atan2", atan2, "of floats"});
}

}  // namespace tessera::tensorflow
