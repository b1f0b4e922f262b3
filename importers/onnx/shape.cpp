// Shapes: what reads them, and what gives a tensor another one.
#include <algorithm>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

HostTensor list(const std::vector<std::int64_t>& values) {
  return HostTensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

void shape(Node& node) {
  const Shape& whole = node.shape(0);
  const std::int64_t rank = node.rank(0);
  const auto clamp = [&](std::int64_t position) {
    return std::clamp<std::int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  const std::int64_t start = clamp(node.integer("start", 0)),
                     end = std::max(start, clamp(node.integer("end", rank)));
  node.set(0, node.constantOf(list({whole.begin() + start, whole.begin() + end}), "shape"));
}

void size(Node& node) {
  node.set(0, node.constantOf(HostTensor::of<std::int64_t>({}, {elementCount(node.shape(0))}), "size"));
}

/// A layer under the node's name, or the tensor itself where nothing changes.
void reshaped(Node& node, Shape to) { node.set(0, node.reshape(node.in(0), std::move(to), "")); }

void reshape(Node& node) {
  const auto wanted = node.opset() < 5 ? node.integers("shape") : node.constantInts(1, "shape");
  const Shape from = node.shape(0);
  const bool zeroIsZero = node.flag("allowzero");
  Shape to;
  std::int64_t known = 1;
  int open = -1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::int64_t extent = wanted[i];
    if (extent == -1 && open >= 0) node.bad("the shape leaves more than one extent open");
    if (extent < -1) node.bad("the shape has the extent " + std::to_string(extent));
    if (extent == 0 && !zeroIsZero) {
      if (i >= from.size()) node.bad("the shape copies an extent the input does not have");
      extent = from[i];
    }
    if (extent == -1)
      open = static_cast<int>(i);
    else if (__builtin_mul_overflow(known, extent, &known))
      node.bad("the shape is too large");
    to.push_back(extent);
  }
  const std::int64_t count = elementCount(from);
  if (open >= 0) {
    if (known == 0 ? count != 0 : count % known != 0)
      node.bad(toString(from) + " does not fit the shape wanted");
    to[static_cast<std::size_t>(open)] = known == 0 ? 0 : count / known;
  } else if (known != count) {
    node.bad("the input of shape " + toString(from) + " has " + std::to_string(count) +
             " elements, the shape wanted has " + std::to_string(known));
  }
  reshaped(node, std::move(to));
}

void flatten(Node& node) {
  const Shape& from = node.shape(0);
  const std::int64_t given = node.integer("axis", 1), rank = node.rank(0);
  const std::int64_t axis = given == rank ? rank : node.axis(given, rank);
  Shape to{1, 1};
  for (std::int64_t i = 0; i < rank; ++i) to[i < axis ? 0 : 1] *= from[static_cast<std::size_t>(i)];
  reshaped(node, std::move(to));
}

std::vector<std::int64_t> axesOf(const Node& node) {
  if (node.opset() < 13) return node.integers("axes");
  return node.has(1) ? node.constantInts(1, "axes") : std::vector<std::int64_t>{};
}

void squeeze(Node& node) {
  const Shape& from = node.shape(0);
  auto axes = node.axes(axesOf(node), node.rank(0));
  if (axes.empty())
    for (std::size_t i = 0; i < from.size(); ++i)
      if (from[i] == 1) axes.push_back(static_cast<std::int64_t>(i));
  Shape to;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const bool dropped = std::binary_search(axes.begin(), axes.end(), static_cast<std::int64_t>(i));
    if (dropped && from[i] != 1)
      node.bad("it drops extent " + std::to_string(i) + ", which is " + std::to_string(from[i]));
    if (!dropped) to.push_back(from[i]);
  }
  reshaped(node, std::move(to));
}

void unsqueeze(Node& node) {
  auto axes = axesOf(node);
  Shape to = node.shape(0);
  if (axes.size() > 64) node.bad("it adds " + std::to_string(axes.size()) + " extents");
  axes = node.axes(axes, static_cast<std::int64_t>(to.size() + axes.size()));
  for (auto axis : axes) to.insert(to.begin() + axis, 1);
  reshaped(node, std::move(to));
}

void expand(Node& node) {
  Shape wanted = node.constantInts(1, "shape"), from = node.shape(0);
  const auto rank = std::max(wanted.size(), from.size());
  wanted.insert(wanted.begin(), rank - wanted.size(), 1);
  from.insert(from.begin(), rank - from.size(), 1);
  for (std::size_t i = 0; i < rank; ++i) {  // either side may broadcast
    if (wanted[i] < 0 || (wanted[i] != from[i] && wanted[i] != 1 && from[i] != 1))
      node.bad(toString(node.shape(0)) + " does not broadcast to the shape wanted");
    if (wanted[i] == 1) wanted[i] = from[i];
  }
  if (wanted == node.shape(0)) return node.set(0, node.in(0));
  node.result("Expand", {node.in(0)}, {{"shape", wanted}});
}

void tile(Node& node) {
  auto repeats = node.constantInts(1, node.opset() < 6 ? "tiles" : "repeats");
  const auto rank = static_cast<std::size_t>(node.rank(0));
  if (node.opset() < 6) {
    std::vector<std::int64_t> all(rank, 1);
    all[static_cast<std::size_t>(node.axis(node.constantInt(2, "axis"), node.rank(0)))] =
        node.constantInt(1, "tiles");
    repeats = all;
  }
  if (repeats.size() != rank) node.bad("repeats wants one entry per extent");
  for (auto count : repeats)
    if (count < 0) node.bad("a repeat is negative");
  node.result("Tile", {node.in(0)}, {{"repeats", repeats}});
}

}  // namespace

void addRows_shape(RowList& rows) {
  rows.push_back({"Shape", 1, kNewest, shape});
  rows.push_back({"Size", 1, kNewest, size});
  rows.push_back({"Reshape", 1, kNewest, reshape});
  rows.push_back({"Flatten", 1, kNewest, flatten});
  rows.push_back({"Squeeze", 1, kNewest, squeeze});
  rows.push_back({"Unsqueeze", 1, kNewest, unsqueeze});
  rows.push_back({"Expand", 8, kNewest, expand});
  rows.push_back({"Tile", 1, kNewest, tile});
}

}  // namespace tessera::onnx
