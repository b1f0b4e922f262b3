// Images sampled at places that are computed: grids, regions of interest, deformable convolutions; and boxes.
#include <algorithm>

#include "graph/counted_extents.hpp"
#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

void gridSample(Node& node) {
  std::string mode = node.string("mode", node.opset() < 20 ? "bilinear" : "linear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  const TensorId x = node.in(0);
  const TensorId y =
      node.add("GridSample", {node.cast(x, DataType::Float32), node.cast(node.in(1), DataType::Float32)},
               {{"mode", mode},
                {"padding", node.string("padding_mode", "zeros")},
                {"align_corners", node.integer("align_corners", 0)}});
  node.set(0, node.cast(y, node.typeOf(x)));
}

/// Every cell's coordinates of -1 to 1, transformed: a matrix product of known coordinates and theta [N, d, d
/// + 1].
void affineGrid(Node& node) {
  const auto size = node.constantInts(1, "size");
  const bool corners = node.flag("align_corners");
  if (size.size() != 4 && size.size() != 5) node.bad("its size wants N, C and two or three spatial extents");
  const auto rank = static_cast<std::int64_t>(size.size()) - 2;
  if (node.shape(0) != Shape{size[0], rank, rank + 1})
    node.bad("theta " + toString(node.shape(0)) + " does not fit its size");
  Shape grid(size.begin() + 2, size.end());
  if (std::ranges::any_of(size, [](auto extent) { return extent < 1; })) node.bad("its size is not positive");
  HostTensor places(DataType::Float32, {elementCount(grid), rank + 1});
  for (std::int64_t p = 0; p < elementCount(grid); ++p) {
    std::int64_t rest = p;
    for (std::int64_t axis = 0; axis < rank; ++axis) {  // innermost first
      const std::int64_t extent = grid[static_cast<std::size_t>(rank - 1 - axis)], cell = rest % extent;
      rest /= extent;
      const auto cells = static_cast<double>(extent), at = static_cast<double>(cell);
      places.setNumber(p * (rank + 1) + axis, !corners     ? (2 * at + 1) / cells - 1
                                              : extent > 1 ? 2 * at / (cells - 1) - 1
                                                           : 0);
    }
    places.setNumber(p * (rank + 1) + rank, 1);
  }
  const TensorId columns =
      node.add("Transpose", {node.in(0)}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}}, "theta columns");
  const TensorId flat =
      node.add("MatMul", {node.constantOf(std::move(places), "cells"), columns}, {}, "flat");
  grid.insert(grid.begin(), size[0]);
  grid.push_back(rank);
  node.result("Reshape", {flat}, {{"shape", grid}});
}

void roiAlign(Node& node) {
  const std::string mode = node.string("mode", "avg");
  const std::string places =
      node.string("coordinate_transformation_mode", node.opset() < 16 ? "output_half_pixel" : "half_pixel");
  if (mode != "avg" && mode != "max") node.bad("attribute mode has the unknown value " + mode);
  if (places != "half_pixel" && places != "output_half_pixel")
    node.bad("attribute coordinate_transformation_mode has the unknown value " + places);
  node.result(
      "RoiAlign", {node.in(0), node.in(1), node.in(2)},
      {{"size", std::vector<std::int64_t>{node.integer("output_height", 1), node.integer("output_width", 1)}},
       {"mode", mode == "avg" ? "average" : "max"},
       {"scale", node.number("spatial_scale", 1)},
       {"sampling_ratio", node.integer("sampling_ratio", 0)},
       {"half_pixel", static_cast<std::int64_t>(places == "half_pixel")}});
}

void maxRoiPool(Node& node) {
  node.result("MaxRoiPool", {node.in(0), node.in(1)},
              {{"size", node.integers("pooled_shape")}, {"scale", node.number("spatial_scale", 1)}});
}

/// A matrix product of the weights and what their taps see.
void deformConv(Node& node) {
  const TensorId weights = node.in(1);
  const Shape x = node.shape(0), w = node.shapeOf(weights), offsets = node.shape(2);
  const std::int64_t group = node.integer("group", 1);
  if (w.size() != 4 || x.size() != 4 || offsets.size() != 4)
    node.unsupported("it is defined here for images of two spatial extents");
  if (group < 1 || w[1] * group != x[1] || w[0] % group != 0)
    node.bad("weights " + toString(w) + " in " + std::to_string(group) + " groups do not fit " + toString(x));
  Attributes attrs{{"kernel", std::vector<std::int64_t>{w[2], w[3]}},
                   {"offset_group", node.integer("offset_group", 1)}};
  for (const char* name : {"strides", "dilations", "pads"})
    if (node.hasAttribute(name)) attrs.set(name, node.integers(name));
  std::vector<TensorId> operands{node.in(0), node.in(2)};
  if (node.has(4)) operands.push_back(node.in(4));
  const TensorId columns = node.add("DeformColumns", operands, std::move(attrs), "columns");
  const std::int64_t rows = w[1] * w[2] * w[3], positions = node.shapeOf(columns)[2];
  TensorId y = group == 1
                   ? node.add("MatMul", {node.reshape(weights, {w[0], rows}, "weights"), columns})
                   : node.add("MatMul", {node.reshape(weights, {group, w[0] / group, rows}, "weights"),
                                         node.reshape(columns, {x[0], group, rows, positions}, "groups")});
  y = node.reshape(y, {x[0], w[0], offsets[2], offsets[3]}, "image");
  if (node.has(3)) y = node.add("Add", {y, node.reshape(node.in(3), {w[0], 1, 1}, "bias")}, {}, "biased");
  node.set(0, y);
}

double single(const Node& node, std::size_t i, std::string_view what, double fallback) {
  if (!node.has(i)) return fallback;
  const auto values = node.constantNumbers(i, what);
  if (values.size() > 1) node.bad(std::string(what) + " has to be a single number");
  return values.empty() ? fallback : values[0];
}

void nonMaxSuppression(Node& node) {
  std::int64_t most = 0;
  if (node.has(2)) {
    const auto values = node.constantInts(2, "max_output_boxes_per_class");
    if (values.size() > 1) node.bad("max_output_boxes_per_class has to be a single number");
    const std::int64_t boxes = node.rank(0) == 3 ? node.shape(0)[1] : 0;
    if (!values.empty()) most = std::clamp<std::int64_t>(values[0], 0, boxes);
  }
  const double overlap = single(node, 3, "iou_threshold", 0);
  if (!(overlap >= 0 && overlap <= 1)) node.bad("iou_threshold lies outside 0 to 1");
  Attributes attrs{{"max_output_boxes_per_class", most},
                   {"iou_threshold", overlap},
                   {"center_point_box", node.integer("center_point_box", 0)}};
  if (node.has(4)) attrs.set("score_threshold", single(node, 4, "score_threshold", 0));
  const auto made = node.addAll("NonMaxSuppression", {node.in(0), node.in(1)}, std::move(attrs));
  auto& graph = node.state().builder.graph;
  if (const HostTensor* rows = node.valueOf(made[0]))
    return node.set(0,
                    node.constantOf(firstEntries(*rows, 0, node.valueOf(made[1])->integer(0)), "selected"));
  graph.tensor(made[1]).name = node.state().tensorNames.unique(node.name() + "/count");
  node.set(0, made[0]);
}

}  // namespace

void addRows_sampling(RowList& rows) {
  rows.push_back({"GridSample", 16, kNewest, gridSample});
  rows.push_back({"AffineGrid", 20, kNewest, affineGrid});
  rows.push_back({"RoiAlign", 10, kNewest, roiAlign});
  rows.push_back({"MaxRoiPool", 1, kNewest, maxRoiPool});
  rows.push_back({"DeformConv", 19, kNewest, deformConv});
  rows.push_back({"NonMaxSuppression", 10, kNewest, nonMaxSuppression});
}

}  // namespace tessera::onnx
