// RoiAlign: each region of interest averaged (or maximised) into a grid of bins, as ONNX defines it: bilinear
// samples spread over each bin. Inputs: x [N, C, H, W], rois [R, 4] (x1, y1, x2, y2), batch indices [R] (i32,
// i64; clamped). Attributes: size [h, w], mode (average; max: of the samples' weighted corners), scale (1, of
// rois to x), sampling_ratio (0: ceil(region / bins) samples per bin and axis), half_pixel (1: regions are
// shifted by half a cell; 0: they are at least 1 x 1). A region that is not finite gives 0.
#include "ops/roi_align.hpp"

#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/indexing.hpp"

namespace tessera {
namespace {

/// One axis of a region, in single precision as kernels compute it: sample counts depend on it.
struct RoiAxis {
  float start, bin;
  std::int64_t samples;

  RoiAxis(float begin, float end, const RoiAligning& r, std::int64_t bins) {
    const float offset = r.halfPixel ? 0.5f : 0.0f;
    start = begin * r.scale - offset;
    float extent = end * r.scale - offset - start;
    if (!r.halfPixel) extent = std::max(extent, 1.0f);
    bin = extent / static_cast<float>(bins);
    if (!(std::fabs(start) < kFarthest && std::fabs(extent) < kFarthest)) bin = 0, start = -10;
    samples = r.sampling > 0 ? r.sampling : static_cast<std::int64_t>(std::ceil(bin));
  }
  float at(std::int64_t index, std::int64_t sample) const {
    return start + static_cast<float>(index) * bin +
           (static_cast<float>(sample) + 0.5f) * bin / static_cast<float>(samples);
  }
  static constexpr float kFarthest = 1e7f;
};

struct Corner {
  std::int64_t low, high;
  double weightLow, weightHigh;
};

Corner cornerAt(float at, std::int64_t extent) {
  at = std::max(at, 0.0f);
  const auto low = static_cast<std::int64_t>(at);
  if (low >= extent - 1) return {extent - 1, extent - 1, 1, 0};
  const double part = static_cast<double>(at) - static_cast<double>(low);
  return {low, low + 1, 1 - part, part};
}

double binValue(const double* plane, std::int64_t height, std::int64_t width, const RoiAxis& v,
                const RoiAxis& h, std::int64_t ph, std::int64_t pw, bool max) {
  double sum = 0, best = -INFINITY;
  for (std::int64_t iy = 0; iy < v.samples; ++iy)
    for (std::int64_t ix = 0; ix < h.samples; ++ix) {
      const float y = v.at(ph, iy), x = h.at(pw, ix);
      const bool outside =
          y < -1 || y > static_cast<float>(height) || x < -1 || x > static_cast<float>(width);
      double parts[4] = {0, 0, 0, 0};
      if (!outside) {
        const Corner cy = cornerAt(y, height), cx = cornerAt(x, width);
        parts[0] = cy.weightLow * cx.weightLow * plane[cy.low * width + cx.low];
        parts[1] = cy.weightLow * cx.weightHigh * plane[cy.low * width + cx.high];
        parts[2] = cy.weightHigh * cx.weightLow * plane[cy.high * width + cx.low];
        parts[3] = cy.weightHigh * cx.weightHigh * plane[cy.high * width + cx.high];
      }
      sum += parts[0] + parts[1] + parts[2] + parts[3];
      best = std::max({best, parts[0], parts[1], parts[2], parts[3]});
    }
  if (v.samples <= 0 || h.samples <= 0) return 0;
  return max ? best : sum / static_cast<double>(v.samples * h.samples);
}

class RoiAlign final : public Operator {
 public:
  std::string_view name() const override { return "RoiAlign"; }
  AttributeNames attributes() const override {
    return {"half_pixel", "mode", "sampling_ratio", "scale", "size"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    wantIndices(inputs[2]);
    const RoiAligning r = roiAligning({"RoiAlign", attrs, {inputs[0], inputs[1], inputs[2]}, {}});
    return {{inputs[0].type, {inputs[1].shape[0], inputs[0].shape[1], r.bins[0], r.bins[1]}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const RoiAligning r = roiAligning(view);
    const auto x = toDoubles(inputs[0]), rois = toDoubles(inputs[1]);
    const Shape& shape = inputs[0].shape;
    const std::int64_t plane = shape[2] * shape[3];
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      const auto corner = [&](int k) { return static_cast<float>(rois[at[0] * 4 + k]); };
      const RoiAxis v(corner(1), corner(3), r, r.bins[0]), h(corner(0), corner(2), r, r.bins[1]);
      const std::int64_t n = std::clamp<std::int64_t>(inputs[2].integer(at[0]), 0, shape[0] - 1);
      outputs[0].setNumber(i, binValue(x.data() + (n * shape[1] + at[1]) * plane, shape[2], shape[3], v, h,
                                       at[2], at[3], r.max));
    });
  }
  Tolerance tolerance(const OpView&) const override { return sumTolerance(64); }
  OperatorTraits traits() const override {
    return {.follow = [](const OpView&, std::size_t input, std::size_t axis) {
      return input > 0 && axis == 0 ? std::optional<std::size_t>(0) : std::nullopt;
    }};
  }
  std::vector<OpInstance> samples() const override;
};

std::vector<OpInstance> RoiAlign::samples() const {
  std::vector<OpInstance> samples;
  const auto rois = HostTensor::of<float>(
      {5, 4}, {0, 0, 9.5f, 6, 1.2f, 2.1f, 5.3f, 4.4f, -4, -3, 14, 20, 6, 5, 2, 1, 3, 3, 3, 3});
  const auto items = HostTensor::of<std::int64_t>({5}, {0, 1, 1, 0, 1});
  for (const std::string mode : {"average", "max"})
    for (const int half : {0, 1})
      for (const int ratio : {0, 2})
        samples.push_back(makeSample("RoiAlign",
                                     {{"size", std::vector<std::int64_t>{3, 2}},
                                      {"mode", mode},
                                      {"half_pixel", half},
                                      {"sampling_ratio", ratio},
                                      {"scale", ratio ? 0.5 : 1.0}},
                                     {f32({2, 18, 7, 9}), f32({5, 4}), {DataType::Int64, {5}, {}}},
                                     {{}, Fill::of(rois), Fill::of(items)}));
  const auto large =
      HostTensor::of<float>({2, 4}, {-150, -20, 160, 400, 2, -900, 5, 300});  // most samples are outside
  for (const std::string mode : {"average", "max"})
    samples.push_back(makeSample("RoiAlign", {{"size", std::vector<std::int64_t>{1, 2}}, {"mode", mode}},
                                 {f32({1, 2, 6, 5}), f32({2, 4}), {DataType::Int64, {2}, {}}},
                                 {{}, Fill::of(large), Fill::integers(0, 0)}));
  const auto odd =
      HostTensor::of<float>({3, 4}, {-1e6f, -1e6f, 1e6f, 1e6f, 0, 0, INFINITY, 4, 0, std::nanf(""), 4, 4});
  samples.push_back(makeSample("RoiAlign", {{"size", std::vector<std::int64_t>{1, 5}}, {"sampling_ratio", 3}},
                               {f32({1, 3, 6, 4}), f32({3, 4}), {DataType::Int32, {3}, {}}},
                               {{}, Fill::of(odd), Fill::integers(-1, 3)}));
  return samples;
}

}  // namespace

RoiAligning roiAligning(const OpView& op) {
  const Shape &x = op.inputs[0].shape, &rois = op.inputs[1].shape;
  RoiAligning r;
  r.bins = op.attrs.integers("size");
  if (r.bins.size() != 2 || r.bins[0] < 1 || r.bins[1] < 1)
    refuse("attribute size wants two extents of at least 1");
  const std::string mode = op.attrs.string("mode", "average");
  if (mode != "average" && mode != "max") refuse("there is no mode '" + mode + "'");
  if (!isFloat(op.inputs[0].type) || !isFloat(op.inputs[1].type)) refuse("wants floating-point x and rois");
  if (x.size() != 4 || elementCount(x) == 0) refuse("wants N, C, H, W, got " + toString(x));
  if (rois.size() != 2 || rois[1] != 4 || op.inputs[2].size() != rois[0])
    refuse("wants rois of 4 corners and a batch index for each, got " + toString(rois) + " and " +
           toString(op.inputs[2].shape));
  r.max = mode == "max";
  r.scale = static_cast<float>(op.attrs.number("scale", 1));
  r.sampling = op.attrs.integer("sampling_ratio");
  r.halfPixel = op.attrs.integer("half_pixel", 1) != 0;
  if (r.sampling < 0 || r.sampling > 4096) refuse("sampling_ratio must be between 0 and 4096");
  return r;
}

void addOperators_roi_align(OperatorList& list) {
  static const RoiAlign roiAlign;
  list.push_back(&roiAlign);
}

}  // namespace tessera
