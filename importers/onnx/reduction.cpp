// Reductions, searches for extremes, running sums, selections.
#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

struct Mode {
  const char* type;
  const char* mode;
  int axesAsInput;  ///< operator set since which the axes are an input
};
constexpr Mode kModes[] = {
    {"ReduceSum", "sum", 13},        {"ReduceMean", "mean", 18},
    {"ReduceMax", "max", 18},        {"ReduceMin", "min", 18},
    {"ReduceProd", "prod", 18},      {"ReduceL1", "l1", 18},
    {"ReduceL2", "l2", 18},          {"ReduceSumSquare", "sum_square", 18},
    {"ReduceLogSum", "log_sum", 18}, {"ReduceLogSumExp", "log_sum_exp", 18},
};

TensorId summable(Node& node, TensorId x) {
  const DataType type = node.typeOf(x);
  const bool direct = hasArithmetic(type);
  return direct ? x : node.cast(x, DataType::Int32);
}

// Over no axis: what is done to elements before and after a sum is done all the same, as over an extent of 1.
void reduceNothing(Node& node, const std::string& mode) {
  if (mode == "sum" || mode == "mean" || mode == "max" || mode == "min" || mode == "prod")
    return node.set(0, node.in(0));
  Shape single = node.shape(0);
  const auto rank = static_cast<std::int64_t>(single.size());
  single.push_back(1);
  const TensorId x = node.add("Reshape", {summable(node, node.in(0))}, {{"shape", single}}, "single");
  const TensorId y =
      node.add("Reduce", {x}, {{"mode", mode}, {"axes", std::vector<std::int64_t>{rank}}, {"keepdims", 0}});
  node.set(0, node.cast(y, node.typeOf(node.in(0))));
}

void reduce(Node& node) {
  const Mode* row = nullptr;
  for (const auto& candidate : kModes)
    if (node.type() == candidate.type) row = &candidate;
  if (!row) throw Error(ErrorCode::Internal, "no mode is listed for " + node.type());
  std::vector<std::int64_t> axes;
  if (node.opset() < row->axesAsInput)
    axes = node.integers("axes");
  else if (node.has(1))
    axes = node.constantInts(1, "axes");
  if (axes.empty() && node.flag("noop_with_empty_axes")) return reduceNothing(node, row->mode);
  axes = node.axes(std::move(axes), node.rank(0));
  const DataType type = node.typeOf(node.in(0));
  const TensorId y =
      node.add("Reduce", {summable(node, node.in(0))},
               {{"mode", row->mode}, {"axes", axes}, {"keepdims", node.integer("keepdims", 1)}});
  node.set(0, node.cast(y, type));
}

void argReduce(Node& node) {
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  const DataType type = node.typeOf(node.in(0));
  const bool byte = type == DataType::Int8 || type == DataType::UInt8;  // exact in f32
  node.result("ArgReduce", {byte ? node.cast(node.in(0), DataType::Float32) : node.in(0)},
              {{"mode", node.type() == "ArgMax" ? "max" : "min"},
               {"axis", axis},
               {"keepdims", node.integer("keepdims", 1)},
               {"select_last", node.integer("select_last_index", 0)}});
}

void cumSum(Node& node) {
  const std::int64_t axis = node.axis(node.constantInt(1, "axis"), node.rank(0));
  node.result(
      "CumSum", {node.in(0)},
      {{"axis", axis}, {"exclusive", node.integer("exclusive", 0)}, {"reverse", node.integer("reverse", 0)}});
}

void topK(Node& node) {
  const std::int64_t k = node.opset() < 10 ? node.integer("k") : node.constantInt(1, "k");
  const std::int64_t axis = node.axis(node.integer("axis", -1), node.rank(0));
  const auto made =
      node.addAll("TopK", {node.in(0)}, {{"k", k}, {"axis", axis}, {"largest", node.integer("largest", 1)}});
  node.set(0, made.at(0));
  node.set(1, made.at(1));
}

}  // namespace

void addRows_reduction(RowList& rows) {
  for (const auto& row : kModes) rows.push_back({row.type, 1, kNewest, reduce});
  rows.push_back({"ArgMax", 1, kNewest, argReduce});
  rows.push_back({"ArgMin", 1, kNewest, argReduce});
  rows.push_back({"CumSum", 11, kNewest, cumSum});
  rows.push_back({"TopK", 1, kNewest, topK});
}

}  // namespace tessera::onnx
