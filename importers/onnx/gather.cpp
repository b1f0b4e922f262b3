// Picking and placing by indices.
#include <numeric>

#include "importers/common/indices.hpp"
#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

/// The axis that single indices count along.
std::int64_t axisOfIndices(const Node& node) {
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  wantIndicesWithin(node, node.in(1), {node.shape(0)[static_cast<std::size_t>(axis)]}, true);
  return axis;
}

void gather(Node& node) { node.result("Gather", {node.in(0), node.in(1)}, {{"axis", axisOfIndices(node)}}); }

void gatherElements(Node& node) {
  node.result("GatherElements", {node.in(0), node.in(1)}, {{"axis", axisOfIndices(node)}});
}

/// Leading batch extents become coordinates of their own in front of the indices.
void gatherNd(Node& node) {
  const std::int64_t batchDims = node.integer("batch_dims", 0);
  TensorId indices = node.cast(node.in(1), DataType::Int64);
  const Shape shape = node.shapeOf(indices);
  if (batchDims < 0 || batchDims >= static_cast<std::int64_t>(shape.size()))
    node.bad("attribute batch_dims is out of range");
  wantRowsWithin(node, node.in(1), node.shape(0), static_cast<std::size_t>(batchDims), true);
  if (batchDims > 0) {
    Shape coordinates = shape;
    coordinates.back() = batchDims;
    HostTensor values = node.allocate(DataType::Int64, coordinates);
    auto cells = values.as<std::int64_t>();
    const std::int64_t count = batchDims ? values.size() / batchDims : 0;
    const std::int64_t positions =
        std::accumulate(shape.begin() + batchDims, shape.end() - 1, std::int64_t{1}, std::multiplies<>());
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t batch = i / positions;
      for (std::int64_t d = batchDims - 1; d >= 0; --d) {
        cells[static_cast<std::size_t>(i * batchDims + d)] = batch % shape[static_cast<std::size_t>(d)];
        batch /= shape[static_cast<std::size_t>(d)];
      }
    }
    const auto last = static_cast<std::int64_t>(shape.size()) - 1;
    indices = node.add("Concat", {node.constantOf(std::move(values), "batches"), indices}, {{"axis", last}},
                       "indices");
  }
  node.result("GatherNd", {node.in(0), indices});
}

std::string reductionOf(const Node& node) {
  const std::string reduction = node.string("reduction", "none");
  for (const char* known : {"none", "add", "mul", "max", "min"})
    if (reduction == known) return reduction;
  node.bad("attribute reduction has the unknown value " + reduction);
}

/// Bytes are combined as i32 and cut back, which wraps as the format's own arithmetic does; bool combines as
/// or, and.
void scatter(Node& node, const std::string& op, Attributes attrs) {
  const std::string reduction = reductionOf(node);
  const DataType type = node.typeOf(node.in(0));
  const bool computes = hasArithmetic(type);
  const DataType inner = computes || reduction == "none" ? type : DataType::Int32;
  attrs.set("reduction", reduction);
  const TensorId y = node.add(op, {node.cast(node.in(0), inner), node.in(1), node.cast(node.in(2), inner)},
                              std::move(attrs));
  node.set(0, node.cast(y, type));
}

void scatterElements(Node& node) { scatter(node, "ScatterElements", {{"axis", axisOfIndices(node)}}); }

void scatterNd(Node& node) {
  wantRowsWithin(node, node.in(1), node.shape(0), 0, true);
  scatter(node, "ScatterNd", {});
}

void oneHot(Node& node) {
  const auto depth = node.constantNumbers(1, "depth");
  if (depth.size() != 1 || !(depth[0] >= 1) || depth[0] > 1e9)
    node.bad("its depth has to be one number from 1 to 1e9");
  const std::int64_t axis = node.axis(node.integer("axis", -1), node.rank(0) + 1);
  const TensorId indices = node.in(0);
  const DataType type = node.typeOf(indices);
  const bool direct = type == DataType::Int32 || type == DataType::Int64;
  node.result("OneHot", {direct ? indices : node.cast(indices, DataType::Int64), node.in(2)},
              {{"depth", static_cast<std::int64_t>(depth[0])}, {"axis", axis}});
}

/// Compress with a known condition picks known positions.
void compress(Node& node) {
  const HostTensor& condition = node.constant(1, "condition");
  std::int64_t count = 0, last = -1;
  for (std::int64_t i = 0; i < condition.size(); ++i)
    if (condition.number(i) != 0) ++count, last = i;
  HostTensor kept = node.allocate(DataType::Int64, {count});
  std::int64_t* position = kept.as<std::int64_t>().data();
  for (std::int64_t i = 0; i < condition.size(); ++i)
    if (condition.number(i) != 0) *position++ = i;
  TensorId x = node.in(0);
  std::int64_t axis = 0;
  if (node.hasAttribute("axis"))
    axis = node.axis(node.integer("axis", 0), node.rank(0));
  else
    x = node.reshape(x, {elementCount(node.shape(0))}, "flatten");
  if (last >= node.shapeOf(x)[static_cast<std::size_t>(axis)])
    node.bad("its condition is longer than the extent");
  node.result("Gather", {x, node.constantOf(std::move(kept), "kept")}, {{"axis", axis}});
}

/// ReverseSequence with known lengths picks known positions.
void reverseSequence(Node& node) {
  const auto lengths = node.constantInts(1, "sequence_lens");
  const std::int64_t timeAxis = node.integer("time_axis", 0), batchAxis = node.integer("batch_axis", 1);
  if (node.rank(0) < 2 || timeAxis + batchAxis != 1 || timeAxis * batchAxis != 0)
    node.bad("time_axis and batch_axis have to be 0 and 1, in either order");
  const Shape& shape = node.shape(0);
  const std::int64_t batches = shape[static_cast<std::size_t>(batchAxis)],
                     steps = shape[static_cast<std::size_t>(timeAxis)];
  if (static_cast<std::int64_t>(lengths.size()) != batches)
    node.bad("sequence_lens wants one length per batch item");
  HostTensor picks = node.allocate(DataType::Int64, {shape[0], shape[1], 2});
  auto cells = picks.as<std::int64_t>();
  for (std::int64_t i = 0; i < shape[0]; ++i)
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      std::int64_t at[2] = {i, j};
      const std::int64_t length = lengths[static_cast<std::size_t>(at[batchAxis])];
      if (length < 0 || length > steps) node.bad("a sequence is longer than the time axis");
      if (at[timeAxis] < length) at[timeAxis] = length - 1 - at[timeAxis];
      const auto cell = static_cast<std::size_t>((i * shape[1] + j) * 2);
      cells[cell] = at[0];
      cells[cell + 1] = at[1];
    }
  node.result("GatherNd", {node.in(0), node.constantOf(std::move(picks), "picks")});
}

}  // namespace

void addRows_gather(RowList& rows) {
  rows.push_back({"Gather", 1, kNewest, gather});
  rows.push_back({"GatherElements", 11, kNewest, gatherElements});
  rows.push_back({"GatherND", 11, kNewest, gatherNd});
  rows.push_back({"Scatter", 9, 10, scatterElements});
  rows.push_back({"ScatterElements", 11, kNewest, scatterElements});
  rows.push_back({"ScatterND", 11, kNewest, scatterNd});
  rows.push_back({"OneHot", 9, kNewest, oneHot});
  rows.push_back({"Compress", 9, kNewest, compress});
  rows.push_back({"ReverseSequence", 10, kNewest, reverseSequence});
}

}  // namespace tessera::onnx
