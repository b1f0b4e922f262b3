// DeformColumns: what the taps of a deformable convolution see, so that the convolution is a matrix product
// of weights and columns. Inputs: x [N, C, H, W], offsets [N, G * kh * kw * 2, oh, ow] (per tap: how far
// down, how far right), mask? [N, G * kh * kw, oh, ow] (factors). Attributes: kernel, strides (1), dilations
// (1), pads (0; begins, then ends), offset_group (1): G groups of channels with offsets of their own. Output
// [N, C * kh * kw, oh * ow]. Values between cells are interpolated linearly, cells outside are 0; an offset
// that is not a number lies outside.
#include "ops/deform_columns.hpp"

#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

double sampled(const double* plane, std::int64_t height, std::int64_t width, float y, float x) {
  if (!(y > -1 && y < static_cast<float>(height) && x > -1 && x < static_cast<float>(width))) return 0;
  const auto y0 = static_cast<std::int64_t>(std::floor(y)), x0 = static_cast<std::int64_t>(std::floor(x));
  const double fy = static_cast<double>(y) - static_cast<double>(y0),
               fx = static_cast<double>(x) - static_cast<double>(x0);
  const auto cell = [&](std::int64_t r, std::int64_t c) {
    return r >= 0 && r < height && c >= 0 && c < width ? plane[r * width + c] : 0;
  };
  return (1 - fy) * ((1 - fx) * cell(y0, x0) + fx * cell(y0, x0 + 1)) +
         fy * ((1 - fx) * cell(y0 + 1, x0) + fx * cell(y0 + 1, x0 + 1));
}

class DeformColumns final : public Operator {
 public:
  std::string_view name() const override { return "DeformColumns"; }
  AttributeNames attributes() const override {
    return {"dilations", "kernel", "offset_group", "pads", "strides"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 3);
    const DeformWindow w = deformWindow({"DeformColumns", attrs, {inputs.begin(), inputs.end()}, {}});
    return {{inputs[0].type, {w.batch, w.channels * w.taps(), w.out[0] * w.out[1]}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const DeformWindow w = deformWindow(view);
    const auto x = toDoubles(inputs[0]), offsets = toDoubles(inputs[1]);
    const auto mask = view.has(2) ? toDoubles(inputs[2]) : std::vector<double>{};
    const std::int64_t positions = w.out[0] * w.out[1], taps = w.taps(), each = w.channels / w.groups;
    forEachIndex({w.batch, w.channels, taps, positions}, [&](std::int64_t i, auto at) {
      const std::int64_t n = at[0], c = at[1], t = at[2], p = at[3];
      const std::int64_t tap = (n * w.groups + c / each) * taps + t;  // of all items and groups
      const auto place = [&](int axis) {
        const std::int64_t o = axis == 0 ? p / w.out[1] : p % w.out[1];
        const std::int64_t k = axis == 0 ? t / w.kernel[1] : t % w.kernel[1];
        return static_cast<float>(o * w.stride[axis] + k * w.dilation[axis] - w.pad[axis]) +
               static_cast<float>(offsets[(tap * 2 + axis) * positions + p]);
      };
      const double value =
          sampled(x.data() + (n * w.channels + c) * w.in[0] * w.in[1], w.in[0], w.in[1], place(0), place(1));
      outputs[0].setNumber(i, mask.empty() ? value : value * mask[tap * positions + p]);
    });
  }
  Tolerance tolerance(const OpView&) const override { return sumTolerance(16); }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> samples;
    using List = std::vector<std::int64_t>;
    const auto add = [&](Attributes attrs, Shape x, std::int64_t taps, std::int64_t groups, Shape out,
                         bool masked) {
      const TensorDesc offsets = f32({x[0], groups * taps * 2, out[0], out[1]});
      samples.push_back(
          makeSample("DeformColumns", attrs.set("offset_group", groups),
                     {f32(x), offsets, masked ? f32({x[0], groups * taps, out[0], out[1]}) : absent()},
                     {{}, Fill::uniform(-3, 3)}));
    };
    add({{"kernel", List{3, 3}}, {"pads", List{1, 1, 1, 1}}}, {1, 6, 5, 7}, 9, 1, {5, 7}, true);
    add({{"kernel", List{2, 3}}, {"strides", List{2, 1}}, {"dilations", List{1, 2}}}, {2, 4, 6, 9}, 6, 2,
        {3, 5}, false);
    add({{"kernel", List{1, 1}}}, {1, 17, 4, 3}, 1, 1, {4, 3}, true);
    add({{"kernel", List{3, 1}}, {"pads", List{2, 0, 1, 1}}}, {1, 3, 4, 4}, 3, 3, {5, 5}, true);
    const auto far = HostTensor::of<float>({1, 2, 1, 4}, {1e30f, std::nanf(""), 0, 0, 0, 0, -INFINITY, 0.5f});
    samples.push_back(makeSample("DeformColumns", {{"kernel", List{1, 1}}},
                                 {f32({1, 2, 1, 4}), f32({1, 2, 1, 4})}, {{}, Fill::of(far)}));
    return samples;
  }
};

}  // namespace

DeformWindow deformWindow(const OpView& op) {
  const Shape &x = op.inputs[0].shape, &offsets = op.inputs[1].shape;
  const auto list = [&](const char* name, std::size_t size, std::int64_t fallback, std::int64_t lowest) {
    const auto values = op.attrs.integers(name, std::vector<std::int64_t>(size, fallback));
    if (values.size() != size ||
        std::ranges::any_of(values, [&](auto v) { return v < lowest || v > 1 << 20; }))
      refuse("attribute " + std::string(name) + " wants " + std::to_string(size) + " entries of at least " +
             std::to_string(lowest));
    return values;
  };
  if (x.size() != 4 || offsets.size() != 4)
    refuse("wants an image and offsets of two spatial extents, got " + toString(x) + " and " +
           toString(offsets));
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    if (op.has(i) && !isFloat(op.inputs[i].type)) refuse("wants floating-point inputs");
  DeformWindow w;
  w.batch = x[0], w.channels = x[1], w.groups = op.attrs.integer("offset_group", 1);
  const auto kernel = list("kernel", 2, 0, 1), strides = list("strides", 2, 1, 1),
             dilations = list("dilations", 2, 1, 1), pads = list("pads", 4, 0, 0);
  if (w.groups < 1 || w.channels % w.groups != 0) refuse("offset_group does not divide the channels");
  for (std::size_t d = 0; d < 2; ++d) {
    w.in[d] = x[d + 2], w.kernel[d] = kernel[d], w.stride[d] = strides[d], w.dilation[d] = dilations[d],
    w.pad[d] = pads[d];
    const std::int64_t room = w.in[d] + pads[d] + pads[d + 2] - (dilations[d] * (kernel[d] - 1) + 1);
    if (room < 0) refuse("the window is larger than the padded image");
    w.out[d] = room / strides[d] + 1;
  }
  const Shape wanted{x[0], w.groups * w.taps() * 2, w.out[0], w.out[1]};
  if (offsets != wanted) refuse("wants offsets of shape " + toString(wanted) + ", got " + toString(offsets));
  const Shape factors{x[0], w.groups * w.taps(), w.out[0], w.out[1]};
  if (op.has(2) && op.inputs[2].shape != factors)
    refuse("wants a mask of shape " + toString(factors) + ", got " + toString(op.inputs[2].shape));
  return w;
}

void addOperators_deform_columns(OperatorList& list) {
  static const DeformColumns deformColumns;
  list.push_back(&deformColumns);
}

}  // namespace tessera
