// Reductions, the greatest entries, and sums along an axis.
#include <algorithm>
#include <map>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

const std::map<std::string, std::string>& modes() {
  static const std::map<std::string, std::string> names{{"Mean", "mean"}, {"Sum", "sum"},   {"Max", "max"},
                                                        {"Min", "min"},   {"Prod", "prod"}, {"Any", "max"},
                                                        {"All", "min"}};
  return names;
}

std::vector<std::int64_t> storedAxes(const Order& order, std::vector<std::int64_t> axes) {
  for (auto& axis : axes) axis = storedAxis(order, axis);
  std::sort(axes.begin(), axes.end());
  return axes;
}

void reduce(Node& node) {
  const Held x = node.held(0);
  const std::int64_t rank = node.rank(0);
  const auto axes = node.axes(node.constantInts(1, "axes"), rank);
  if (axes.empty()) return node.set(0, x);
  const bool keep = node.attributes().integer("keep_dims") != 0;
  const DataType type = node.typeOf(x.id);
  const bool computes = hasArithmetic(type);
  const TensorId y = node.add("Reduce", {node.cast(x.id, computes ? type : DataType::Int32)},
                              {{"mode", modes().at(node.type())},
                               {"axes", storedAxes(x.order, axes)},
                               {"keepdims", static_cast<std::int64_t>(keep)}});
  node.set(0, node.cast(y, type),
           keep ? x.order : withoutAxes(x.order, static_cast<std::size_t>(rank), axes));
}

void argReduce(Node& node) {
  const Held x = node.held(0);
  const std::int64_t rank = node.rank(0);
  const std::int64_t axis = node.axis(node.has(1) ? node.constantInt(1, "axis") : 0, rank);
  const TensorId y = node.add("ArgReduce", {node.cast(x.id, DataType::Float32)},
                              {{"mode", node.type() == "ArgMax" ? "max" : "min"},
                               {"axis", storedAxis(x.order, axis)},
                               {"keepdims", std::int64_t{0}}});
  node.set(0, node.cast(y, node.dataType("output_type", DataType::Int64)),
           withoutAxes(x.order, static_cast<std::size_t>(rank), {axis}));
}

void topK(Node& node) {
  const Held x = node.held(0);
  const std::int64_t rank = node.rank(0);
  if (rank < 1) node.bad("its input is a single number");
  const std::int64_t k = node.type() == "TopK" ? node.attributes().integer("k") : node.constantInt(1, "k");
  if (k < 0 || k > node.shape(0).back())
    node.bad("k is " + std::to_string(k) + ", the last axis has " + std::to_string(node.shape(0).back()));
  const auto made = node.addAll("TopK", {x.id}, {{"k", k}, {"axis", storedAxis(x.order, rank - 1)}});
  node.set(0, made.at(0), x.order);
  node.set(1, node.cast(made.at(1), node.dataType("index_type", DataType::Int32)), x.order);
}

void cumSum(Node& node) {
  const Held x = node.held(0);
  const std::int64_t axis = node.axis(node.constantInt(1, "axis"), node.rank(0));
  node.result("CumSum", {x.id},
              {{"axis", storedAxis(x.order, axis)},
               {"exclusive", node.attributes().integer("exclusive")},
               {"reverse", node.attributes().integer("reverse")}},
              x.order);
}

void l2Loss(Node& node) {
  const Held x = node.held(0);
  const TensorId sum = node.add(
      "Reduce", {x.id},
      {{"mode", "sum_square"}, {"axes", std::vector<std::int64_t>{}}, {"keepdims", std::int64_t{0}}}, "sum");
  node.result("Affine", {sum}, {{"alpha", 0.5}, {"beta", 0.0}});
}

}  // namespace

void addRows_reduction(RowList& rows) {
  for (const auto& [type, mode] : modes()) rows.push_back({type, reduce});
  for (const char* type : {"ArgMax", "ArgMin"}) rows.push_back({type, argReduce});
  for (const char* type : {"TopK", "TopKV2"}) rows.push_back({type, topK});
  rows.push_back({"Cumsum", cumSum});
  rows.push_back({"L2Loss", l2Loss});
}

}  // namespace tessera::tensorflow
