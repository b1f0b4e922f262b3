// Resize and its predecessor Upsample.
#include <algorithm>
#include <cmath>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

struct Target {
  Shape sizes;
  std::vector<double> scales;
};

/// Extents are rounded down in single precision, as other runtimes do: 10 * 0.7f is 7 there.
std::int64_t scaledExtent(const Node& node, std::int64_t extent, double scale) {
  const float exact = static_cast<float>(extent) * static_cast<float>(scale);
  if (!(exact >= 0) || exact > 1e9f) node.bad("a scale is impossible");
  return static_cast<std::int64_t>(std::floor(exact));
}

/// The format's text multiplies by the region's part (roi), its reference and other runtimes do not.
Target byScales(const Node& node, const std::vector<std::int64_t>& axes, const std::vector<double>& scales) {
  const Shape shape = node.shape(0);
  Target target{shape, std::vector<double>(shape.size(), 1)};
  if (scales.size() != axes.size()) node.bad("scales wants one entry per extent");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    if (!(scales[i] > 0)) node.bad("a scale is not positive");
    target.scales[axis] = scales[i];
    target.sizes[axis] = scaledExtent(node, shape[axis], scales[i]);
  }
  return target;
}

Target bySizes(const Node& node, const std::vector<std::int64_t>& axes,
               const std::vector<std::int64_t>& sizes) {
  const Shape shape = node.shape(0);
  Target target{shape, std::vector<double>(shape.size(), 1)};
  if (sizes.size() != axes.size()) node.bad("sizes wants one entry per extent");
  const std::string policy = node.string("keep_aspect_ratio_policy", "stretch");
  double common = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    if (sizes[i] < 1 || shape[axis] < 1) node.bad("a size is not positive");
    const double scale = static_cast<double>(sizes[i]) / static_cast<double>(shape[axis]);
    target.scales[axis] = scale;
    target.sizes[axis] = sizes[i];
    const bool better = policy == "not_larger" ? scale < common : scale > common;
    if (i == 0 || better) common = scale;
  }
  if (policy == "stretch") return target;
  if (policy != "not_larger" && policy != "not_smaller")
    node.bad("attribute keep_aspect_ratio_policy has the unknown value " + policy);
  for (auto given : axes) {
    const auto axis = static_cast<std::size_t>(given);
    target.scales[axis] = common;
    target.sizes[axis] =
        static_cast<std::int64_t>(std::floor(static_cast<double>(shape[axis]) * common + 0.5));
  }
  return target;
}

std::string interpolation(const Node& node) {
  const std::string mode = node.string("mode", "nearest");
  if (mode == "bilinear" || mode == "trilinear") return "linear";
  if (mode != "nearest" && mode != "linear" && mode != "cubic")
    node.bad("attribute mode has the unknown value " + mode);
  return mode;
}

std::vector<std::int64_t> allAxes(const Node& node) {
  std::vector<std::int64_t> axes;
  for (std::int64_t i = 0; i < node.rank(0); ++i) axes.push_back(i);
  return axes;
}

/// align_corners maps by the exact product of extent and scale, before it is rounded down. Where rounding
/// matters, the same mapping is said without corners: cell / scale, with the scale the exact extents have
/// between their corners.
bool cornersByScale(const Node& node, Target& target) {
  std::vector<double> between = target.scales;
  bool rounded = false;
  for (std::size_t i = 0; i < between.size(); ++i) {
    const auto extent = static_cast<double>(node.shape(0)[i]);
    rounded |= std::abs(extent * target.scales[i] - static_cast<double>(target.sizes[i])) > 1e-3;
    if (extent > 1) between[i] = (extent * target.scales[i] - 1) / (extent - 1);
    if (!(between[i] > 0)) return false;
  }
  if (rounded) target.scales = between;
  return rounded;
}

/// Integers are interpolated as floats. The fraction is cut off, as other runtimes do; where antialiasing has
/// averaged cells, it is rounded. Bytes saturate.
TensorId interpolateIntegers(Node& node, Attributes attrs) {
  const DataType type = node.typeOf(node.in(0));
  const bool rounds = attrs.integer("antialias") != 0;
  TensorId y = node.add("Resize", {node.cast(node.in(0), DataType::Float32)}, std::move(attrs), "resize");
  if (rounds) y = node.add("Round", {y}, {}, "round");
  if (type == DataType::Int8 || type == DataType::UInt8) {
    const double low = type == DataType::Int8 ? -128 : 0;
    y = node.add("Clip", {y}, {{"alpha", low}, {"beta", low + 255}}, "saturate");
  }
  return node.add("Cast", {y}, {{"to", std::string(toString(type))}});
}

void emit(Node& node, const Target& target, Attributes attrs) {
  const std::string mode = interpolation(node);
  attrs.set("sizes", target.sizes).set("scales", target.scales).set("mode", mode);
  const bool moves = mode == "nearest" && attrs.string("coordinate") != "tf_crop_and_resize";
  if (moves || node.typeOf(node.in(0)) == DataType::Float32)
    node.result("Resize", {node.in(0)}, std::move(attrs));
  else
    node.set(0, interpolateIntegers(node, std::move(attrs)));
}

/// Upsample, and Resize of operator set 10, map without offset and take the cell below.
void upsample(Node& node) {
  const auto scales = node.type() == "Upsample" && node.opset() < 9 ? node.numbers("scales")
                                                                    : node.constantNumbers(1, "scales");
  emit(node, byScales(node, allAxes(node), scales), {{"coordinate", "asymmetric"}, {"nearest", "floor"}});
}

void resize(Node& node) {
  const std::string coordinate = node.string("coordinate_transformation_mode", "half_pixel");
  const bool crops = coordinate == "tf_crop_and_resize";
  auto axes = node.integers("axes");
  for (auto& axis : axes) axis = node.axis(axis, node.rank(0));
  if (axes.empty()) axes = allAxes(node);
  std::vector<double> roi;
  if (crops) {
    const auto rank = static_cast<std::size_t>(node.rank(0));
    const auto given = node.constantNumbers(1, "roi");
    if (given.size() != 2 * axes.size()) node.bad("roi wants a start and an end per extent");
    roi.assign(2 * rank, 0);
    std::fill(roi.begin() + static_cast<std::ptrdiff_t>(rank), roi.end(), 1);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      roi[static_cast<std::size_t>(axes[i])] = given[i];
      roi[static_cast<std::size_t>(axes[i]) + rank] = given[i + axes.size()];
    }
  }
  const auto scales = node.has(2) ? node.constantNumbers(2, "scales") : std::vector<double>{};
  const bool bySize = scales.empty();
  if (bySize && !node.has(3)) node.bad("it has neither scales nor sizes");
  Target target = bySize ? bySizes(node, axes, node.constantInts(3, "sizes")) : byScales(node, axes, scales);
  Attributes attrs{{"coordinate", coordinate},
                   {"nearest", node.string("nearest_mode", "round_prefer_floor")},
                   {"cubic_a", node.number("cubic_coeff_a", -0.75)},
                   {"exclude_outside", node.integer("exclude_outside", 0)},
                   {"antialias", node.integer("antialias", 0)},
                   {"extrapolation", node.number("extrapolation_value", 0)}};
  if (crops) attrs.set("roi", roi);
  if (!bySize && coordinate == "align_corners" && !node.flag("antialias") && cornersByScale(node, target))
    attrs.set("coordinate", "asymmetric");
  emit(node, target, std::move(attrs));
}

}  // namespace

void addRows_resize(RowList& rows) {
  rows.push_back({"Upsample", 7, 9, upsample});
  rows.push_back({"Resize", 10, 10, upsample});
  rows.push_back({"Resize", 11, kNewest, resize});
}

}  // namespace tessera::onnx
