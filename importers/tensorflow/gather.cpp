// Picking and placing by indices.
#include <string>

#include "importers/common/indices.hpp"
#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// Entries of an axis; the indices' axes take its place.
void gather(Node& node) {
  std::int64_t batch = node.attributes().integer("batch_dims");
  if (batch < 0) batch += node.rank(1);
  const std::int64_t axis = node.axis(node.has(2) ? node.constantInt(2, "axis") : 0, node.rank(0));
  wantIndicesWithin(node, node.held(1).id, {node.shape(0)[static_cast<std::size_t>(axis)]}, false);
  if (batch != 0) {
    if (batch < 0 || batch > node.rank(1)) node.bad("its batch_dims are impossible");
    if (axis != batch)
      node.unsupported("in each item of a batch it gathers along another axis than the first");
    Shape tuples = node.shape(1);
    tuples.push_back(1);
    const TensorId indices = node.cast(node.in(1), DataType::Int64);
    return node.result("GatherNd", {node.in(0), node.reshape(indices, tuples, "tuples")},
                       {{"batch_dims", batch}});
  }
  const bool single = node.rank(1) == 0;
  const Held x = single ? node.held(0) : Held{node.in(0)};
  node.result("Gather", {x.id, node.in(1)}, {{"axis", storedAxis(x.order, axis)}},
              single ? withoutAxes(x.order, node.shape(0).size(), {axis}) : Order{});
}

void gatherNd(Node& node) {
  const std::int64_t batch = node.attributes().integer("batch_dims");
  const TensorId indices = node.in(1);
  if (batch >= 0) wantRowsWithin(node, indices, node.shape(0), static_cast<std::size_t>(batch), false);
  node.result("GatherNd", {node.in(0), node.cast(indices, DataType::Int64)}, {{"batch_dims", batch}});
}

/// Rows of `updates` at the places that the rows of `indices` name; bytes and bool are combined as i32.
void place(Node& node, TensorId into, std::size_t indices, std::size_t updates,
           const std::string& reduction) {
  const TensorId at = node.in(indices);
  wantRowsWithin(node, at, node.shapeOf(into), 0, false);
  const DataType type = node.typeOf(into);
  const bool computes = hasArithmetic(type);
  const DataType inner = computes || reduction == "none" ? type : DataType::Int32;
  const TensorId y =
      node.add("ScatterNd",
               {node.cast(into, inner), node.cast(at, DataType::Int64), node.cast(node.in(updates), inner)},
               {{"reduction", reduction}});
  node.set(0, node.cast(y, type));
}

/// Inputs: indices, updates, shape. What is placed twice adds up, on zeros.
void scatterNd(Node& node) {
  const Shape shape = node.constantInts(2, "shape");
  for (const std::int64_t extent : shape)
    if (extent < 0) node.bad("it wants the shape " + toString(shape));
  place(node, node.constantOf(node.allocate(node.type(1), shape), "zeros"), 0, 1, "add");
}

/// Inputs: tensor, indices, updates.
void tensorScatter(Node& node) {
  const std::string kind = node.type().substr(13);  // behind "TensorScatter"
  place(node, node.in(0), 1, 2,
        kind == "Add"   ? "add"
        : kind == "Max" ? "max"
        : kind == "Min" ? "min"
                        : "none");
}

void tensorScatterSub(Node& node) {
  const DataType type = node.type(2);
  if (!hasArithmetic(type))
    node.unsupported("its tensor is of " + std::string(toString(type)) + "; f32, i32 and i64 are supported");
  const TensorId at = node.in(1);
  wantRowsWithin(node, at, node.shape(0), 0, false);
  const Held zero{node.scalar(type, 0, "zero")};
  const Held negative = arithmetic(node, "Sub", zero, {node.in(2)}, {}, "negative");
  node.result("ScatterNd", {node.in(0), node.cast(at, DataType::Int64), negative.id}, {{"reduction", "add"}});
}

}  // namespace

void addRows_gather(RowList& rows) {
  for (const char* type : {"Gather", "GatherV2"}) rows.push_back({type, gather, "batch_dims up to the axis"});
  rows.push_back({"GatherNd", gatherNd});
  rows.push_back({"ScatterNd", scatterNd, "shape known at import"});
  for (const char* type : {"TensorScatterAdd", "TensorScatterMax", "TensorScatterMin", "TensorScatterUpdate"})
    rows.push_back({type, tensorScatter});
  rows.push_back({"TensorScatterSub", tensorScatterSub});
}

}  // namespace tessera::tensorflow
