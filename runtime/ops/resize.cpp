// Resize: ONNX's Resize. Input: x. Attributes: sizes (full output shape), scales (one per extent; absent:
// sizes / extents), mode (nearest, linear, cubic), coordinate, nearest, cubic_a (-0.75), exclude_outside (0),
// antialias (0), extrapolation (0), roi (starts, then ends; tf_crop_and_resize only).
#include <algorithm>
#include <cmath>
#include <optional>

#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/moving.hpp"
#include "ops/resize_axis.hpp"

namespace tessera {
namespace {

/// Everything that maps coordinates of one axis.
struct AxisMap {
  std::string coordinate;
  double in, out, scale, start, end;

  /// The source coordinate of an output cell. In single precision, as other runtimes compute it: ties between
  /// cells depend on it (3.5 / 0.7f - 0.5 is 4.5 in single, a little more in double precision).
  double source(double cell) const {
    const auto o = static_cast<float>(cell), step = static_cast<float>(scale);
    const auto extent = static_cast<float>(in), result = static_cast<float>(out);
    const auto from = static_cast<float>(start), to = static_cast<float>(end);
    const float centre = (o + 0.5f) / step - 0.5f;
    if (coordinate == "half_pixel") return centre;
    if (coordinate == "pytorch_half_pixel") return result > 1 ? centre : 0;
    if (coordinate == "half_pixel_symmetric") return extent / 2 * (1 - result / (step * extent)) + centre;
    if (coordinate == "asymmetric") return o / step;
    if (coordinate == "align_corners") return result > 1 ? o * (extent - 1) / (result - 1) : 0;
    // An axis that keeps its extent is not resized: batch and channels must not be shifted by half a cell.
    if (coordinate == "tf_half_pixel_for_nn") return extent == result && step == 1 ? o : (o + 0.5f) / step;
    return result > 1 ? from * (extent - 1) + o * (to - from) * (extent - 1) / (result - 1)
                      : 0.5f * (from + to) * (extent - 1);
  }
  bool outside(double at) const { return coordinate == "tf_crop_and_resize" && (at < 0 || at > in - 1); }
};

double nearestCell(double at, const std::string& rounding) {
  if (rounding == "floor") return std::floor(at);
  if (rounding == "ceil") return std::ceil(at);
  return rounding == "round_prefer_ceil" ? std::floor(at + 0.5) : std::ceil(at - 0.5);
}

/// Weights of the cells floor(at) - 1 .. floor(at) + 2 (Keys' cubic convolution).
std::vector<double> cubicWeights(double r, double a) {
  const auto outer = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  const auto inner = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  return {outer(r + 1), inner(r), inner(1 - r), outer(2 - r)};
}

void checkAttributes(const Attributes& attrs, const Shape& x);

/// The interpolating function itself: a triangle, or Keys' cubic.
double filterAt(const std::string& mode, double distance, double a) {
  const double d = std::fabs(distance);
  if (mode == "linear") return std::max(0.0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

class Resize final : public Operator {
 public:
  std::string_view name() const override { return "Resize"; }
  AttributeNames attributes() const override {
    return {"antialias", "coordinate", "cubic_a", "exclude_outside", "extrapolation",
            "mode",      "nearest",    "roi",     "scales",          "sizes"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (!isFloat(inputs[0].type) && !picksCells(attrs))
      refuse("can interpolate and extrapolate floating-point inputs only");
    checkAttributes(attrs, inputs[0].shape);  // without a table entry per cell: the sizes may be anything
    return {{inputs[0].type, attrs.integers("sizes"), {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto axes = resizeAxes(view);
    const bool moves = !isFloat(inputs[0].type);  // whole numbers of 64 bits are no doubles
    const auto x = moves ? std::vector<double>{} : toDoubles(inputs[0]);
    const auto strides = rowMajorStrides(inputs[0].shape);
    const double extrapolation = view.attrs.number("extrapolation", 0);
    forEachIndex(outputs[0].shape, [&](std::int64_t i, std::span<const std::int64_t> at) {
      if (moves) return copyElement(outputs[0], i, inputs[0], pickedCell(axes, strides, at));
      const auto value = gather(axes, x, strides, at, 0, 0);
      outputs[0].setNumber(i, value.value_or(extrapolation));
    });
  }

  Tolerance tolerance(const OpView& view) const override {
    return view.attrs.string("mode", "nearest") == "nearest" ? Tolerance{0, 0} : sumTolerance(16);
  }
  QuantRule quantRule(const OpView& view) const override {
    return picksCells(view.attrs) ? QuantRule::SameScale : QuantRule::Float;
  }
  OperatorTraits traits() const override { return {.otherWork = work}; }
  std::vector<OpInstance> samples() const override;

 private:
  // Whether every result is a cell of the input: nothing is weighed or extrapolated.
  static bool picksCells(const Attributes& attrs) {
    return attrs.string("mode", "nearest") == "nearest" && attrs.string("coordinate") != "tf_crop_and_resize";
  }
  static std::int64_t pickedCell(const std::vector<ResizeAxis>& axes,
                                 const std::vector<std::int64_t>& strides, std::span<const std::int64_t> at) {
    std::int64_t cell = 0;
    for (std::size_t d = 0; d < axes.size(); ++d) cell += axes[d].cell[at[d]] * strides[d];
    return cell;
  }
  /// The interpolated value over axes `axis`..; none where a coordinate lies outside.
  static std::optional<double> gather(const std::vector<ResizeAxis>& axes, const std::vector<double>& x,
                                      const std::vector<std::int64_t>& strides,
                                      std::span<const std::int64_t> at, std::size_t axis, std::int64_t base) {
    if (axis == axes.size()) return x[base];
    const ResizeAxis& a = axes[axis];
    double sum = 0;
    for (int t = 0; t < a.taps; ++t) {
      const std::int64_t entry = at[axis] * a.taps + t;
      if (a.cell[entry] < 0) return std::nullopt;
      const auto part = gather(axes, x, strides, at, axis + 1, base + a.cell[entry] * strides[axis]);
      if (!part) return std::nullopt;
      sum += *part * a.weight[entry];
    }
    return sum;
  }

  static double work(const OpView& op) {
    const std::string mode = op.attrs.string("mode", "nearest");
    double each = kElementWork;
    for (std::size_t d = 0; d < op.inputs[0].shape.size(); ++d)
      if (op.inputs[0].shape[d] != op.outputs[0].shape[d])
        each *= mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
    return each * elements(op.outputs[0].shape);
  }
};

/// An output coordinate's taps while an axis shrinks with antialiasing: the filter is stretched by 1 / scale,
/// so that every source cell counts. Cells outside count for the border's, or not at all (exclude_outside).
std::vector<std::pair<std::int32_t, double>> smoothTaps(const AxisMap& map, double o, const Attributes& attrs,
                                                        const std::string& mode) {
  const double at = map.source(o), last = map.in - 1, a = attrs.number("cubic_a", -0.75);
  const double reach = (mode == "linear" ? 1 : 2) / map.scale;
  const bool exclude = attrs.integer("exclude_outside") != 0;
  if (map.outside(at)) return {{-1, 0}};
  std::vector<std::pair<std::int32_t, double>> taps;
  double sum = 0;
  for (double cell = std::ceil(at - reach); cell <= std::floor(at + reach); ++cell) {
    const double weight = filterAt(mode, (cell - at) * map.scale, a);
    if (exclude && (cell < 0 || cell > last)) continue;
    const auto inside = static_cast<std::int32_t>(std::clamp(cell, 0.0, last));
    if (taps.empty() || taps.back().first != inside) taps.emplace_back(inside, 0);
    taps.back().second += weight;
    sum += weight;
  }
  for (auto& tap : taps) tap.second /= sum;
  return taps;
}

/// All outputs of a shrinking axis, each with as many taps as the widest needs.
void addSmoothAxis(ResizeAxis& axis, const AxisMap& map, const Attributes& attrs, const std::string& mode) {
  std::vector<std::vector<std::pair<std::int32_t, double>>> all;
  std::size_t widest = 1;
  for (double o = 0; o < map.out; ++o) {
    all.push_back(smoothTaps(map, o, attrs, mode));
    widest = std::max(widest, all.back().size());
  }
  axis.taps = static_cast<int>(widest);
  axis.identity = false;
  for (auto& taps : all) {
    // All weights can be cut off where a coordinate lies far outside; such an output is 0 / 0, as in ONNX.
    taps.resize(widest, taps.empty() ? std::pair{0, std::nan("")} : std::pair{taps.back().first, 0.0});
    for (const auto& [cell, weight] : taps) {
      axis.cell.push_back(cell);
      axis.weight.push_back(weight);
    }
  }
}

void addTaps(ResizeAxis& axis, const AxisMap& map, double o, const Attributes& attrs,
             const std::string& mode) {
  const double at = map.source(o), last = map.in - 1;
  const auto push = [&](double cell, double weight) {
    axis.cell.push_back(map.outside(at) ? -1 : static_cast<std::int32_t>(std::clamp(cell, 0.0, last)));
    axis.weight.push_back(weight);
  };
  if (mode == "nearest") {
    push(nearestCell(at, attrs.string("nearest", "round_prefer_floor")), 1);
  } else if (mode == "linear") {
    const double inside = std::clamp(at, 0.0, last), low = std::floor(inside);
    push(low, 1 - (inside - low));
    push(low + 1, inside - low);
  } else {
    const double low = std::floor(at);
    auto weights = cubicWeights(at - low, attrs.number("cubic_a", -0.75));
    if (attrs.integer("exclude_outside")) {
      double sum = 0;
      for (int t = 0; t < 4; ++t) sum += weights[t] *= low - 1 + t >= 0 && low - 1 + t <= last;
      for (auto& weight : weights) weight /= sum;
    }
    for (int t = 0; t < 4; ++t) push(low - 1 + t, weights[t]);
  }
}

void checkAttributes(const Attributes& attrs, const Shape& x) {
  const auto oneOf = [&](const char* attribute, std::string fallback,
                         std::initializer_list<const char*> names) {
    const std::string value = attrs.string(attribute, fallback);
    if (std::ranges::find(names, value) == names.end())
      refuse("attribute " + std::string(attribute) + " can not be '" + value + "'");
  };
  oneOf("mode", "nearest", {"nearest", "linear", "cubic"});
  oneOf("coordinate", "half_pixel",
        {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric", "align_corners",
         "tf_half_pixel_for_nn", "tf_crop_and_resize"});
  oneOf("nearest", "round_prefer_floor", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  const auto sizes = attrs.integers("sizes");
  if (std::ranges::any_of(x, [](auto extent) { return extent < 1; }))
    refuse("nothing to resize in " + toString(x));
  if (sizes.size() != x.size() || std::ranges::any_of(sizes, [](auto s) { return s < 1; }))
    refuse("sizes " + toString(sizes) + " do not fit " + toString(x));
  // Every cell of an axis has an entry in a table, and coordinates are computed in single precision.
  if (std::ranges::any_of(sizes, [](auto s) { return s > (std::int64_t{1} << 24); }))
    refuse("sizes " + toString(sizes) + " have more than 16777216 cells along an axis");
  if (attrs.has("scales") && attrs.numbers("scales").size() != x.size())
    refuse("scales needs one entry per extent");
  for (const double scale : attrs.numbers("scales"))
    if (!(scale > 0)) refuse("a scale is not positive");
  if (attrs.integer("antialias") && attrs.string("mode", "nearest") == "nearest")
    refuse("antialias smooths linear and cubic interpolation only");
  if (attrs.string("coordinate", "half_pixel") == "tf_crop_and_resize" &&
      attrs.numbers("roi").size() != 2 * x.size())
    refuse("roi needs a start and an end per extent");
}

using Sizes = std::vector<std::int64_t>;

std::vector<OpInstance> Resize::samples() const {
  std::vector<OpInstance> samples;
  const auto add = [&](Attributes attrs, Shape x, Sizes sizes) {
    samples.push_back(makeSample("Resize", attrs.set("sizes", sizes), {f32(std::move(x))}));
  };
  const std::string coordinates[] = {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric",
                                     "asymmetric", "align_corners",      "tf_half_pixel_for_nn"};
  for (const std::string mode : {"nearest", "linear", "cubic"})
    for (const auto& coordinate : coordinates) {
      add({{"mode", mode}, {"coordinate", coordinate}}, {1, 3, 4, 5}, {1, 3, 9, 7});
      add({{"mode", mode}, {"coordinate", coordinate}}, {2, 18, 7, 6}, {2, 18, 3, 6});
    }
  for (const std::string rounding : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
    add({{"nearest", rounding}, {"coordinate", std::string("asymmetric")}}, {1, 16, 3, 5}, {1, 16, 6, 10});
    add({{"nearest", rounding}}, {1, 2, 6, 9}, {1, 2, 3, 4});
  }
  add({{"mode", std::string("linear")}}, {1, 19, 8, 16}, {1, 19, 16, 32});
  add({{"mode", std::string("linear")}, {"scales", std::vector<double>{1, 1, 1.3, 0.7}}}, {1, 2, 5, 9},
      {1, 2, 6, 6});
  add({{"mode", std::string("cubic")}, {"exclude_outside", 1}, {"cubic_a", -0.5}}, {1, 3, 5, 4},
      {1, 3, 8, 9});
  add({{"mode", std::string("linear")}}, {2, 3, 7}, {2, 3, 12});
  add({{"mode", std::string("linear")}}, {1, 2, 3, 4, 5}, {1, 2, 5, 4, 7});
  add({{"mode", std::string("nearest")}}, {1, 4, 5, 3}, {1, 8, 10, 3});  // channels and rows
  add({{"mode", std::string("linear")}}, {2, 4, 5, 6}, {2, 8, 10, 6});   // N, H, W, C
  add({{"mode", std::string("nearest")}}, {1, 3, 4, 4}, {1, 3, 4, 4});
  add({{"mode", std::string("cubic")}}, {6, 4}, {9, 7});
  for (const std::string mode : {"nearest", "linear", "cubic"})
    add({{"mode", mode},
         {"coordinate", std::string("tf_crop_and_resize")},
         {"roi", std::vector<double>{0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7}},
         {"extrapolation", 10.0}},
        {1, 5, 4, 4}, {1, 5, 3, 6});
  for (const std::string mode : {"linear", "cubic"}) {
    const Attributes smooth = {{"mode", mode}, {"antialias", 1}};
    add(smooth, {1, 18, 9, 13}, {1, 18, 4, 20});  // one axis shrinks, the other grows
    add(Attributes(smooth).set("exclude_outside", 1).set("coordinate", std::string("align_corners")),
        {2, 3, 11, 8}, {2, 3, 5, 1});
  }
  for (const DataType type : {DataType::Int32, DataType::Int64, DataType::Bool, DataType::UInt8})
    samples.push_back(
        makeSample("Resize", {{"sizes", Sizes{1, 3, 7, 5}}}, {{type, {1, 3, 3, 4}, {}}}, {anyInteger(type)}));
  samples.push_back(makeSample("Resize", {{"sizes", Sizes{1, 18, 6, 8}}},
                               {{DataType::Int8, {1, 18, 3, 4}, {}}}, {Fill::integers(-127, 127)}));
  return samples;
}

}  // namespace

std::vector<ResizeAxis> resizeAxes(const OpView& op) {
  const Shape& x = op.inputs[0].shape;
  checkAttributes(op.attrs, x);
  const auto sizes = op.attrs.integers("sizes");
  const auto scales = op.attrs.numbers("scales"), roi = op.attrs.numbers("roi");
  const std::string coordinate = op.attrs.string("coordinate", "half_pixel"),
                    mode = op.attrs.string("mode", "nearest");
  std::vector<ResizeAxis> axes(x.size());
  for (std::size_t d = 0; d < x.size(); ++d) {
    const auto in = static_cast<double>(x[d]), out = static_cast<double>(sizes[d]);
    const bool crop = coordinate == "tf_crop_and_resize";
    const AxisMap map{coordinate,
                      in,
                      out,
                      scales.empty() ? out / in : scales[d],
                      crop ? roi[d] : 0,
                      crop ? roi[d + x.size()] : 1};
    ResizeAxis& axis = axes[d];
    if (op.attrs.integer("antialias") && map.scale < 1) {
      addSmoothAxis(axis, map, op.attrs, mode);
      continue;
    }
    axis.taps = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
    for (std::int64_t o = 0; o < sizes[d]; ++o) {
      addTaps(axis, map, static_cast<double>(o), op.attrs, mode);
      axis.identity &= x[d] == sizes[d] && !map.outside(map.source(static_cast<double>(o))) &&
                       (mode == "nearest" ? axis.cell.back() == o
                                          : map.source(static_cast<double>(o)) == static_cast<double>(o));
    }
    if (!axis.identity) continue;
    axis = {};
    for (std::int64_t o = 0; o < sizes[d]; ++o) axis.cell.push_back(static_cast<std::int32_t>(o));
    axis.weight.assign(sizes[d], 1);
  }
  return axes;
}

void addOperators_resize(OperatorList& list) {
  static const Resize resize;
  list.push_back(&resize);
}

}  // namespace tessera
