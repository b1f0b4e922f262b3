// MaxRoiPool: the largest element of each bin of a region of interest, as ONNX and Caffe's ROIPooling have
// it. Inputs: x [N, C, H, W], rois [R, 5] (item, x1, y1, x2, y2; corners are whole cells after scaling and
// rounding, both inside). Attributes: size [h, w], scale (1). An empty bin is 0.
#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

struct Range {
  std::int64_t begin, end;
};

/// Cells of bin `index` along one axis; in single precision, as kernels compute it.
Range binCells(float from, float to, float scale, std::int64_t index, std::int64_t bins,
               std::int64_t extent) {
  const auto rounded = [&](float v) { return std::clamp(std::round(v * scale), -1e6f, 1e6f); };
  const float start = rounded(std::isnan(from) ? 0 : from), end = rounded(std::isnan(to) ? 0 : to);
  const float bin = std::max(end - start + 1, 1.0f) / static_cast<float>(bins);
  const auto cell = [&](float v) {
    return static_cast<std::int64_t>(std::clamp(v + start, 0.0f, static_cast<float>(extent)));
  };
  return {cell(std::floor(static_cast<float>(index) * bin)),
          cell(std::ceil(static_cast<float>(index + 1) * bin))};
}

class MaxRoiPool final : public Operator {
 public:
  std::string_view name() const override { return "MaxRoiPool"; }
  AttributeNames attributes() const override { return {"scale", "size"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    const Shape &x = inputs[0].shape, &rois = inputs[1].shape;
    const auto size = attrs.integers("size");
    if (size.size() != 2 || size[0] < 1 || size[1] < 1)
      refuse("attribute size wants two extents of at least 1");
    if (!isFloat(inputs[0].type) || !isFloat(inputs[1].type)) refuse("wants floating-point inputs");
    if (x.size() != 4 || elementCount(x) == 0) refuse("wants N, C, H, W, got " + toString(x));
    if (rois.size() != 2 || rois[1] != 5)
      refuse("wants rois of an item and 4 corners, got " + toString(rois));
    return {{inputs[0].type, {rois[0], x[1], size[0], size[1]}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = toDoubles(inputs[0]), rois = toDoubles(inputs[1]);
    const Shape& shape = inputs[0].shape;
    const auto size = view.attrs.integers("size");
    const auto scale = static_cast<float>(view.attrs.number("scale", 1));
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      const auto value = [&](int k) { return static_cast<float>(rois[at[0] * 5 + k]); };
      const float item = std::isnan(value(0)) ? 0 : value(0);
      const auto n = static_cast<std::int64_t>(std::clamp(item, 0.0f, static_cast<float>(shape[0] - 1)));
      const Range rows = binCells(value(2), value(4), scale, at[2], size[0], shape[2]);
      const Range columns = binCells(value(1), value(3), scale, at[3], size[1], shape[3]);
      const double* plane = x.data() + (n * shape[1] + at[1]) * shape[2] * shape[3];
      double best = rows.begin < rows.end && columns.begin < columns.end ? -INFINITY : 0;
      for (std::int64_t y = rows.begin; y < rows.end; ++y)
        for (std::int64_t c = columns.begin; c < columns.end; ++c)
          best = std::max(best, plane[y * shape[3] + c]);
      outputs[0].setNumber(i, best);
    });
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override {
    return {.follow = [](const OpView&, std::size_t input, std::size_t axis) {
      return input > 0 && axis == 0 ? std::optional<std::size_t>(0) : std::nullopt;
    }};
  }
  std::vector<OpInstance> samples() const override {
    const auto rois = HostTensor::of<float>(
        {4, 5}, {0, 0, 0, 8, 6, 1, 2.4f, 1.6f, 5.5f, 5.2f, 1, -4, -3, 14, 20, 5, 6, 5, 2, 1});
    const auto make = [&](std::vector<std::int64_t> size, double scale) {
      return makeSample("MaxRoiPool", {{"size", size}, {"scale", scale}}, {f32({2, 18, 7, 9}), f32({4, 5})},
                        {{}, Fill::of(rois)});
    };
    return {make({2, 3}, 1), make({4, 4}, 0.5), make({1, 1}, 0.0625)};
  }
};

}  // namespace

void addOperators_max_roi_pool(OperatorList& list) {
  static const MaxRoiPool maxRoiPool;
  list.push_back(&maxRoiPool);
}

}  // namespace tessera
