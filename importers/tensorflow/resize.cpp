// Resizing of images, and regions cut out and resized.
#include <algorithm>
#include <cmath>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// Rules of TensorFlow: corners aligned, half-pixel centres, or neither (the cell's own corner).
Attributes rules(Node& node, bool nearest) {
  const bool corners = node.attributes().integer("align_corners") != 0,
             centres = node.attributes().integer("half_pixel_centers") != 0;
  if (corners && centres) node.bad("align_corners and half_pixel_centers are both set");
  Attributes attrs{{"mode", nearest ? "nearest" : "linear"},
                   {"coordinate", corners   ? "align_corners"
                                  : centres ? (nearest ? "tf_half_pixel_for_nn" : "half_pixel")
                                            : "asymmetric"}};
  if (nearest) attrs.set("nearest", corners ? "round_prefer_ceil" : "floor");
  return attrs;
}

void setSizes(Node& node, TensorId image, const std::vector<std::int64_t>& size, Attributes& attrs) {
  const Shape x = node.shapeOf(image);
  if (x.size() != 4 || size.size() != 2) node.bad("it resizes images of two spatial axes");
  for (const std::int64_t extent : size)
    if (extent < 1 || extent > (1 << 24)) node.bad("its size is impossible");
  if (x[2] < 1 || x[3] < 1) node.bad("its image is empty");
  attrs.set("sizes", Shape{x[0], x[1], size[0], size[1]});
  attrs.set("scales", std::vector<double>{1, 1, static_cast<double>(size[0]) / static_cast<double>(x[2]),
                                          static_cast<double>(size[1]) / static_cast<double>(x[3])});
}

void resize(Node& node) {
  const bool nearest = node.type() == "ResizeNearestNeighbor";
  const Order order = node.imageOrder(0);
  const TensorId image = node.image(0);
  Attributes attrs = rules(node, nearest);
  setSizes(node, image, node.constantInts(1, "size"), attrs);
  node.result("Resize", {nearest ? image : node.cast(image, DataType::Float32)}, std::move(attrs), order);
}

/// A row of weights for each place along an axis: the result's numbers as sums of the image's.
using ResizeTable = HostTensor;

/// What TensorFlow's ResizeBicubic interpolates by: a table of 1025 values of the cubic for the two pixels
/// beside a place and the two further out.
struct CubicTable {
  static constexpr int kSteps = 1024;
  explicit CubicTable(double a) : a_(a) {}
  float near(int step) const {
    const float x = static_cast<float>(step * 1.0 / kSteps);
    return static_cast<float>(((a_ + 2) * x - (a_ + 3)) * x * x + 1);
  }
  float far(int step) const {
    const float x = static_cast<float>(step * 1.0 / kSteps) + 1;
    return static_cast<float>(((a_ * x - 5 * a_) * x + 8 * a_) * x - 4 * a_);
  }

 private:
  double a_;
};

/// `centres`: Keys' cubic at half-pixel centres, whose pixels outside the image do not count; else edges are
/// repeated.
void addCubic(ResizeTable& weights, std::int64_t place, float at, bool centres) {
  const CubicTable table(centres ? -0.5 : -0.75);
  const std::int64_t pixels = weights.shape[1], first = static_cast<std::int64_t>(std::floor(at));
  const int step = static_cast<int>(std::lrint((at - static_cast<float>(first)) * CubicTable::kSteps));
  const float all[] = {table.far(step), table.near(step), table.near(CubicTable::kSteps - step),
                       table.far(CubicTable::kSteps - step)};
  float sum = 0;
  for (std::int64_t i = 0; i < 4; ++i)
    if (first - 1 + i >= 0 && first - 1 + i < pixels) sum += all[i];
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::int64_t wanted = first - 1 + i, pixel = std::clamp<std::int64_t>(wanted, 0, pixels - 1);
    if (centres && wanted != pixel) continue;
    const std::int64_t cell = place * pixels + pixel;
    weights.setNumber(cell, weights.number(cell) + static_cast<double>(centres ? all[i] / sum : all[i]));
  }
}

/// The mean of what lies from `at` to `end`.
void addArea(ResizeTable& weights, std::int64_t place, float at, float end, float scale) {
  const std::int64_t pixels = weights.shape[1];
  for (auto pixel = static_cast<std::int64_t>(std::floor(at)); static_cast<float>(pixel) < end; ++pixel) {
    const auto begin = static_cast<float>(pixel);
    const float share = std::min(begin + 1, end) - std::max(begin, at);
    const std::int64_t cell = place * pixels + std::clamp<std::int64_t>(pixel, 0, pixels - 1);
    weights.setNumber(cell, weights.number(cell) + static_cast<double>(share / scale));
  }
}

TensorId weightsOf(Node& node, std::int64_t from, std::int64_t to, const std::string& part) {
  const bool corners = node.attributes().integer("align_corners") != 0,
             centres = node.attributes().integer("half_pixel_centers") != 0;
  const float scale = corners && to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1)
                                        : static_cast<float>(from) / static_cast<float>(to);
  ResizeTable weights = node.allocate(DataType::Float32, {to, from});
  for (std::int64_t i = 0; i < to; ++i) {
    const auto place = static_cast<float>(i);
    if (node.type() == "ResizeArea")
      addArea(weights, i, place * scale, (place + 1) * scale, scale);
    else
      addCubic(weights, i, centres ? (place + 0.5F) * scale - 0.5F : place * scale, centres);
  }
  return node.constantOf(std::move(weights), part);
}

/// Products with the weights of rows and of columns: what the table and the borders make of them is exact so.
void resizeByWeights(Node& node) {
  const Order order = node.imageOrder(0);
  const TensorId image = node.cast(node.image(0), DataType::Float32);
  Attributes attrs = rules(node, false);
  const auto size = node.constantInts(1, "size");
  setSizes(node, image, size, attrs);
  const Shape x = node.shapeOf(image);
  const TensorId across = node.add("Transpose", {weightsOf(node, x[3], size[1], "columns")},
                                   {{"perm", std::vector<std::int64_t>{1, 0}}}, "columns turned");
  const TensorId wide = node.add("MatMul", {image, across}, {}, "wide");
  node.result("MatMul", {weightsOf(node, x[2], size[0], "rows"), wide}, {}, order);
}

/// Inputs of CropAndResize: image, boxes [R, 4] of y1, x1, y2, x2 from 0 to 1, the image of each box, the
/// size.
struct Crop {
  TensorId boxes;
  std::int64_t regions;
  std::vector<std::int64_t> size;
};

/// Coordinates of -1 to 1 along one axis of every region: [R, length].
TensorId coordinates(Node& node, const Crop& crop, std::int64_t first, std::int64_t length,
                     const std::string& part) {
  const auto corner = [&](std::int64_t at, const char* name) {
    return node.add("Slice", {crop.boxes},
                    {{"starts", std::vector<std::int64_t>{0, at}}, {"sizes", Shape{crop.regions, 1}}},
                    part + "/" + name);
  };
  const TensorId low = corner(first, "low"), high = corner(first + 2, "high");
  HostTensor steps(DataType::Float32, {1, length});
  for (std::int64_t i = 0; i < length; ++i)
    steps.setNumber(i, length > 1 ? static_cast<double>(i) / static_cast<double>(length - 1) : 0.5);
  const TensorId range = node.add("Sub", {high, low}, {}, part + "/range");
  const TensorId inside =
      node.add("Mul", {range, node.constantOf(std::move(steps), part + "/steps")}, {}, part + "/inside");
  const TensorId at = node.add("Add", {low, inside}, {}, part + "/at");
  return node.add("Affine", {at}, {{"alpha", 2.0}, {"beta", -1.0}}, part);
}

/// Of the nearest cell; halves go up, where GridSample takes the even cell.
TensorId nearestCell(Node& node, TensorId at, std::int64_t extent, const std::string& part) {
  if (extent < 2) return at;
  const double half = static_cast<double>(extent - 1) / 2;
  const TensorId cell = node.add("Affine", {at}, {{"alpha", half}, {"beta", half + 0.5}}, part + "/cell");
  const TensorId whole = node.add("Floor", {cell}, {}, part + "/whole");
  return node.add("Affine", {whole}, {{"alpha", 1 / half}, {"beta", -1.0}}, part + "/nearest");
}

/// Where a coordinate lies inside the image: -1 to 1.
TensorId insideImage(Node& node, TensorId at, const std::string& part) {
  const TensorId distance = node.add("Abs", {at}, {}, part + "/distance");
  return node.add("LessOrEqual", {distance, node.scalar(DataType::Float32, 1, part + "/one")}, {}, part);
}

void cropAndResize(Node& node) {
  const bool nearest = node.attributes().string("method", "bilinear") == "nearest";
  const Order order = channelsSecond(4);
  if (node.rank(0) != 4 || node.rank(1) != 2 || node.rank(2) != 1 || node.shape(1)[1] != 4 ||
      node.shape(1)[0] != node.shape(2)[0])
    node.bad("it wants images, boxes of four numbers and the image of each");
  const Crop crop{node.in(1), node.shape(1)[0], node.constantInts(3, "crop_size")};
  if (crop.size.size() != 2 || crop.size[0] < 1 || crop.size[1] < 1 || crop.size[0] > (1 << 16) ||
      crop.size[1] > (1 << 16))
    node.bad("its crop_size is impossible");
  const TensorId image = node.cast(node.ordered(node.held(0), order), DataType::Float32);
  const std::int64_t h = crop.size[0], w = crop.size[1], regions = crop.regions;
  const TensorId images = node.add("Gather", {image, node.in(2)}, {{"axis", std::int64_t{0}}}, "images");
  const TensorId y = node.reshape(coordinates(node, crop, 0, h, "y"), {regions, h, 1, 1}, "y column"),
                 across = node.reshape(coordinates(node, crop, 1, w, "x"), {regions, 1, w, 1}, "x row");
  const auto place = [&](TensorId at, std::size_t axis, const char* part) {
    return nearest ? nearestCell(node, at, node.shapeOf(image)[axis], part) : at;
  };
  const Shape cells{regions, h, w, 1};
  const TensorId grid = node.add("Concat",
                                 {node.add("Expand", {place(across, 3, "x")}, {{"shape", cells}}, "x cells"),
                                  node.add("Expand", {place(y, 2, "y")}, {{"shape", cells}}, "y cells")},
                                 {{"axis", std::int64_t{3}}}, "grid");
  const TensorId sampled = node.add(
      "GridSample", {images, grid},
      {{"mode", nearest ? "nearest" : "linear"}, {"padding", "border"}, {"align_corners", std::int64_t{1}}},
      "sampled");
  const TensorId within = node.add(
      "And", {insideImage(node, y, "y inside"), insideImage(node, across, "x inside")}, {}, "within");
  const TensorId cellsWithin = node.reshape(within, {regions, 1, h, w}, "cells within");
  const TensorId outside =
      node.scalar(DataType::Float32, node.attributes().number("extrapolation_value", 0), "extrapolation");
  node.result("Where", {cellsWithin, sampled, outside}, {}, order);
}

}  // namespace

void addRows_resize(RowList& rows) {
  rows.push_back({"ResizeBilinear", resize, "align_corners, half_pixel_centers"});
  rows.push_back({"ResizeNearestNeighbor", resize, "align_corners, half_pixel_centers"});
  rows.push_back(
      {"ResizeBicubic", resizeByWeights, "align_corners, half_pixel_centers; as TensorFlow's table has it"});
  rows.push_back({"ResizeArea", resizeByWeights, "align_corners"});
  rows.push_back({"CropAndResize", cropAndResize});
}

}  // namespace tessera::tensorflow
