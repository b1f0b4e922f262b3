// PsRoiPool: R-FCN's position-sensitive pooling: the mean of each bin of a region of interest, every bin from
// channels of its own. Inputs: x [N, K * g * g, H, W], rois [R, 5] (item, x1, y1, x2, y2 in the image).
// Attributes: group (g: y is [R, K, g, g], its channel k at bin (i, j) comes from channel (k * g + i) * g +
// j), scale (1). An empty bin is 0.
#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

struct Cells {
  std::int64_t begin, end;
};

/// Cells of bin `index` along one axis; in single precision, as kernels compute it.
Cells cellsOfBin(float from, float to, float scale, std::int64_t index, std::int64_t bins,
                 std::int64_t extent) {
  const auto corner = [](float v) { return std::isnan(v) ? 0.0f : std::clamp(std::round(v), -1e6f, 1e6f); };
  const float start = corner(from) * scale, end = (corner(to) + 1) * scale;
  const float bin = std::max(end - start, 0.1f) / static_cast<float>(bins);
  const auto cell = [&](float v) {
    return static_cast<std::int64_t>(std::clamp(v, 0.0f, static_cast<float>(extent)));
  };
  return {cell(std::floor(static_cast<float>(index) * bin + start)),
          cell(std::ceil(static_cast<float>(index + 1) * bin + start))};
}

class PsRoiPool final : public Operator {
 public:
  std::string_view name() const override { return "PsRoiPool"; }
  AttributeNames attributes() const override { return {"group", "scale"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    const Shape &x = inputs[0].shape, &rois = inputs[1].shape;
    const std::int64_t group = attrs.integer("group");
    if (group < 1 || group > 1024)
      refuse("attribute group is " + std::to_string(group) + ", not within 1 to 1024");
    if (!(attrs.number("scale", 1) > 0)) refuse("attribute scale must be positive");
    if (!isFloat(inputs[0].type) || !isFloat(inputs[1].type)) refuse("wants floating-point inputs");
    if (x.size() != 4 || elementCount(x) == 0 || x[1] % (group * group))
      refuse("wants N, C, H, W with C a multiple of group * group, has " + toString(x));
    if (rois.size() != 2 || rois[1] != 5)
      refuse("wants regions of an item and 4 corners, has " + toString(rois));
    return {{inputs[0].type, {rois[0], x[1] / (group * group), group, group}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto x = toDoubles(inputs[0]), rois = toDoubles(inputs[1]);
    const Shape& shape = inputs[0].shape;
    const std::int64_t group = view.attrs.integer("group"), plane = shape[2] * shape[3];
    const auto scale = static_cast<float>(view.attrs.number("scale", 1));
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      const auto roi = [&](int k) { return static_cast<float>(rois[at[0] * 5 + k]); };
      const float item = std::isnan(roi(0)) ? 0 : roi(0);
      const auto n = static_cast<std::int64_t>(std::clamp(item, 0.0f, static_cast<float>(shape[0] - 1)));
      const Cells rows = cellsOfBin(roi(2), roi(4), scale, at[2], group, shape[2]);
      const Cells columns = cellsOfBin(roi(1), roi(3), scale, at[3], group, shape[3]);
      const double* from = x.data() + (n * shape[1] + (at[1] * group + at[2]) * group + at[3]) * plane;
      double sum = 0;
      for (std::int64_t h = rows.begin; h < rows.end; ++h)
        for (std::int64_t w = columns.begin; w < columns.end; ++w) sum += from[h * shape[3] + w];
      const auto cells = static_cast<double>((rows.end - rows.begin) * (columns.end - columns.begin));
      outputs[0].setNumber(i, rows.end > rows.begin && columns.end > columns.begin ? sum / cells : 0);
    });
  }
  Tolerance tolerance(const OpView& view) const override {
    return sumTolerance(view.inputs[0].shape[2] * view.inputs[0].shape[3]);
  }
  std::vector<OpInstance> samples() const override {
    // Inside, fractional, beyond every edge, turned inside out with an item there is none of, and far away.
    const auto rois = HostTensor::of<float>({5, 5}, {0,  0,  0, 8, 6, 1, 2.4f, 1.6f, 5.5f, 5.2f, 1,   -4, -3,
                                                     14, 20, 5, 6, 5, 2, 1,    0,    400,  300,  500, 400});
    const auto make = [&](std::int64_t channels, std::int64_t group, double scale) {
      return makeSample("PsRoiPool", {{"group", group}, {"scale", scale}},
                        {f32({2, channels * group * group, 7, 9}), f32({5, 5})}, {{}, Fill::of(rois)});
    };
    return {make(2, 3, 1), make(1, 7, 0.5), make(19, 1, 0.0625)};
  }
};

}  // namespace

void addOperators_ps_roi_pool(OperatorList& list) {
  static const PsRoiPool psRoiPool;
  list.push_back(&psRoiPool);
}

}  // namespace tessera
