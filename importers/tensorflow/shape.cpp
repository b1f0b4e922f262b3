// Shapes: what only depends on them is computed at import. And constants that nodes make.
#include <algorithm>
#include <cmath>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

TensorId integers(Node& node, const std::vector<std::int64_t>& values, const Shape& shape, DataType type,
                  const std::string& part) {
  HostTensor tensor(type, shape);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (type == DataType::Int64)
      tensor.as<std::int64_t>()[i] = values[i];
    else
      tensor.setNumber(static_cast<std::int64_t>(i), static_cast<double>(values[i]));
  }
  return node.constantOf(std::move(tensor), part);
}

/// The shape is known; of counted rows it is the most there can be, which the check of counted rows refuses.
void shapeOf(Node& node) {
  const DataType type = node.dataType("out_type", DataType::Int32);
  for (std::size_t i = 0; i < node.inputCount(); ++i) {
    const Shape shape = node.shape(i);
    node.set(i, integers(node, shape, {static_cast<std::int64_t>(shape.size())}, type, "shape"));
  }
}

void size(Node& node) {
  node.set(0, integers(node, {elementCount(node.shape(0))}, {}, node.dataType("out_type", DataType::Int32),
                       "size"));
}

void rank(Node& node) { node.set(0, integers(node, {node.rank(0)}, {}, DataType::Int32, "rank")); }

void fill(Node& node) {
  const Shape shape = node.constantInts(0, "dims");
  const HostTensor value = node.constant(1, "value");
  if (value.size() != 1) node.bad("its value has to be a single number");
  HostTensor filled = node.allocate(value.type, shape);
  const std::size_t bytes = byteSize(value.type);
  for (std::size_t at = 0; at < filled.data.size(); at += bytes)
    std::copy(value.data.begin(), value.data.end(), filled.data.begin() + static_cast<std::ptrdiff_t>(at));
  node.set(0, node.constantOf(std::move(filled), "filled"));
}

void zerosLike(Node& node) {
  HostTensor filled = node.allocate(node.typeOf(node.held(0).id), node.shape(0));
  const double value = node.type() == "OnesLike" ? 1 : 0;
  for (std::int64_t i = 0; i < filled.size(); ++i) filled.setNumber(i, value);
  node.set(0, node.constantOf(std::move(filled), "filled"));
}

void range(Node& node) {
  const DataType type = node.typeOf(node.held(0).id);
  const double start = node.constantNumber(0, "start"), limit = node.constantNumber(1, "limit"),
               delta = node.constantNumber(2, "delta");
  const double count = std::ceil((limit - start) / delta);
  if (delta == 0 || !(count < 1e9)) node.bad("its range is impossible");
  HostTensor values = node.allocate(type, {std::max<std::int64_t>(static_cast<std::int64_t>(count), 0)});
  for (std::int64_t i = 0; i < values.size(); ++i)
    values.setNumber(i, start + static_cast<double>(i) * delta);
  node.set(0, node.constantOf(std::move(values), "range"));
}

/// Inputs: first, last, how many.
void linSpace(Node& node) {
  const double first = node.constantNumber(0, "start"), last = node.constantNumber(1, "stop");
  const std::int64_t count = node.constantInt(2, "num");
  if (count < 1) node.bad("it wants " + std::to_string(count) + " numbers");
  HostTensor values = node.allocate(node.typeOf(node.held(0).id), {count});
  const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i)
    values.setNumber(i, i > 0 && i + 1 == count ? last : first + static_cast<double>(i) * step);
  node.set(0, node.constantOf(std::move(values), "space"));
}

/// The wanted shape with -1 filled in.
Shape closed(const Node& node, Shape wanted, std::int64_t count) {
  std::int64_t known = 1, open = -1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < -1) node.bad("it wants the negative extent " + std::to_string(wanted[i]));
    if (wanted[i] == -1) {
      if (open >= 0) node.bad("two extents of its shape are open");
      open = static_cast<std::int64_t>(i);
    } else if (wanted[i] > 0 && known > kMostElements / wanted[i]) {
      node.bad("its shape is impossible");
    } else {
      known *= wanted[i];
    }
  }
  if (open >= 0) {
    if (known == 0 || count % known != 0)
      node.bad("a tensor of " + std::to_string(count) + " elements does not fit its shape");
    wanted[static_cast<std::size_t>(open)] = count / known;
  }
  return wanted;
}

void reshape(Node& node) {
  const Shape wanted = closed(node, node.constantInts(1, "shape"), elementCount(node.shape(0)));
  node.set(0, node.reshaped(node.held(0), wanted));
}

/// Batch, and the rest as one axis.
void flatten(Node& node) {
  const Shape x = node.shape(0);
  if (x.empty()) node.bad("its input is a single number");
  node.set(0, node.reshaped(node.held(0), {x[0], elementCount(Shape(x.begin() + 1, x.end()))}));
}

void squeeze(Node& node) {
  Shape x = node.shape(0);
  auto axes = node.axes(node.attributes().integers("squeeze_dims"), node.rank(0));
  for (const std::int64_t axis : axes)
    if (x[static_cast<std::size_t>(axis)] != 1)
      node.bad("an axis that it drops has " + toString(x) + " extents");
  Shape kept;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool named = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end();
    if (axes.empty() ? x[i] != 1 : !named) kept.push_back(x[i]);
  }
  node.set(0, node.reshaped(node.held(0), kept));
}

void expandDims(Node& node) {
  Shape x = node.shape(0);
  const std::int64_t axis = node.axis(node.constantInt(1, "axis"), node.rank(0) + 1);
  x.insert(x.begin() + axis, 1);
  node.set(0, node.reshaped(node.held(0), x));
}

/// No layer: the tensor's axes are called otherwise. Constants are turned at once.
void transpose(Node& node) {
  const Held x = node.held(0);
  const auto perm = node.constantInts(1, "perm");
  const auto rank = static_cast<std::size_t>(node.rank(0));
  Order sorted = node.axes(perm, node.rank(0));
  if (sorted.size() != rank) node.bad("its perm does not list every axis");
  Order renamed;
  for (const std::int64_t axis : listed(x.order, rank))
    for (std::size_t to = 0; to < rank; ++to)
      if (node.axis(perm[to], node.rank(0)) == axis) renamed.push_back(static_cast<std::int64_t>(to));
  const Held turned{x.id, normalized(renamed)};
  node.set(0, node.valueOf(x.id) ? Held{node.ordered(turned, {})} : turned);
}

void broadcastTo(Node& node) {
  const Shape shape = node.constantInts(1, "shape");
  node.result("Expand", {node.in(0)}, {{"shape", shape}});
}

}  // namespace

void addRows_shape(RowList& rows) {
  for (const char* type : {"Shape", "ShapeN"}) rows.push_back({type, shapeOf, "computed at import"});
  rows.push_back({"Size", size, "computed at import"});
  rows.push_back({"Rank", rank, "computed at import"});
  rows.push_back({"Fill", fill, "shape and value known at import"});
  for (const char* type : {"ZerosLike", "OnesLike"}) rows.push_back({type, zerosLike});
  rows.push_back({"Range", range, "known at import"});
  rows.push_back({"LinSpace", linSpace, "known at import"});
  rows.push_back({"Reshape", reshape, "shape known at import"});
  rows.push_back({"Flatten", flatten, "of UFF"});
  rows.push_back({"Squeeze", squeeze});
  rows.push_back({"ExpandDims", expandDims});
  rows.push_back({"Transpose", transpose, "renames axes, no layer"});
  rows.push_back({"BroadcastTo", broadcastTo});
}

}  // namespace tessera::tensorflow
