// GridSample: values of an image at the places a grid says, as ONNX defines it (cubic beyond a border, which
// it leaves open, as ONNX Runtime and PyTorch do it). Inputs: x [N, C, spatial..], grid [N, out.., spatial
// rank], whose last extent holds coordinates innermost first, -1 to 1 across the image. Attributes: mode
// (linear; nearest: half to even, cubic: Keys' with a = -0.75), padding (zeros; border, reflection),
// align_corners (0: -1 and 1 are the image's edges; 1: the centres of its outer cells). A coordinate that is
// not a number lies outside, before the first cell.
#include "ops/grid_sample.hpp"

#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr float kFar = 16777216;  // beyond it, singles do not hold every whole number

/// A reflected coordinate, in single precision as kernels compute it.
float reflect(float at, float low, float high) {
  const float range = high - low;
  if (!(range > 0)) return low;
  if (at >= low && at <= high) return at;
  const float beyond = at < low ? low - at : at - high;
  const float turns = std::floor(beyond / range), rest = beyond - turns * range;
  const bool fromLow = (at < low) == (std::fmod(turns, 2.0f) == 0);
  return fromLow ? low + rest : high - rest;
}

struct Taps {
  int count = 1;
  std::int64_t cell[4] = {0, 0, 0, 0};  ///< -1: outside, counts as zero
  double weight[4] = {1, 0, 0, 0};
};

Taps tapsAt(const GridSampling& g, int axis, float coordinate) {
  const auto extent = static_cast<float>(g.in[static_cast<std::size_t>(axis)]);
  const float low = g.alignCorners ? 0.0f : -0.5f, high = g.alignCorners ? extent - 1 : extent - 0.5f;
  float at = g.alignCorners ? (coordinate + 1) / 2 * (extent - 1) : ((coordinate + 1) * extent - 1) / 2;
  at = std::isnan(at) ? -10 : std::clamp(at, -kFar, kFar);
  if (g.taps == 1) at = std::nearbyint(at);
  // Cubic curves go on beyond the border, from cells that are repeated there.
  if (g.padding == 1 && g.taps < 4) at = std::clamp(at, 0.0f, extent - 1);
  if (g.padding == 2) at = reflect(at, low, high);
  Taps taps;
  taps.count = g.taps;
  const float floor = std::floor(at);
  const double r = at - floor, a = -0.75;
  if (g.taps == 2) {
    taps.weight[0] = 1 - r;
    taps.weight[1] = r;
  } else if (g.taps == 4) {
    const auto outer = [a](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    const auto inner = [a](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    const double weights[] = {outer(r + 1), inner(r), inner(1 - r), outer(2 - r)};
    std::copy(weights, weights + 4, taps.weight);
  }
  for (int t = 0; t < g.taps; ++t) {
    float cell = floor + static_cast<float>(g.taps == 4 ? t - 1 : t);
    if (g.padding == 0 && !(cell >= 0 && cell < extent)) {
      taps.cell[t] = -1;
      continue;
    }
    if (g.padding == 2) cell = std::trunc(reflect(cell, low, high));
    taps.cell[t] = static_cast<std::int64_t>(std::clamp(cell, 0.0f, extent - 1));
  }
  return taps;
}

double interpolate(const double* plane, const Extents& in, const Taps (&taps)[3]) {
  double sum = 0;
  for (int z = 0; z < taps[0].count; ++z)
    for (int y = 0; y < taps[1].count; ++y)
      for (int x = 0; x < taps[2].count; ++x) {
        const std::int64_t cells[] = {taps[0].cell[z], taps[1].cell[y], taps[2].cell[x]};
        if (std::min({cells[0], cells[1], cells[2]}) < 0) continue;
        sum += taps[0].weight[z] * taps[1].weight[y] * taps[2].weight[x] *
               plane[(cells[0] * in[1] + cells[1]) * in[2] + cells[2]];
      }
  return sum;
}

class GridSample final : public Operator {
 public:
  std::string_view name() const override { return "GridSample"; }
  AttributeNames attributes() const override { return {"align_corners", "mode", "padding"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    gridSampling({"GridSample", attrs, {inputs[0], inputs[1]}, {}});
    Shape shape{inputs[0].shape[0], inputs[0].shape[1]};
    shape.insert(shape.end(), inputs[1].shape.begin() + 1, inputs[1].shape.end() - 1);
    return {{inputs[0].type, shape, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const GridSampling g = gridSampling(view);
    const auto x = toDoubles(inputs[0]), grid = toDoubles(inputs[1]);
    const std::int64_t planeIn = g.in[0] * g.in[1] * g.in[2], planeOut = g.out[0] * g.out[1] * g.out[2];
    const std::int64_t batch = inputs[0].shape[0], channels = inputs[0].shape[1];
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t p = 0; p < planeOut; ++p) {
        Taps taps[3];
        for (int axis = 3 - g.rank; axis < 3; ++axis)
          taps[axis] = tapsAt(g, axis, static_cast<float>(grid[(n * planeOut + p) * g.rank + 2 - axis]));
        for (std::int64_t c = 0; c < channels; ++c)
          outputs[0].setNumber((n * channels + c) * planeOut + p,
                               interpolate(x.data() + (n * channels + c) * planeIn, g.in, taps));
      }
  }
  // Far from the image's centre a coordinate has fewer digits after the point.
  Tolerance tolerance(const OpView& view) const override {
    return view.attrs.string("mode", "linear") == "nearest" ? Tolerance{0, 0} : sumTolerance(64);
  }
  std::vector<OpInstance> samples() const override;
};

std::vector<OpInstance> GridSample::samples() const {
  std::vector<OpInstance> samples;
  const auto add = [&](Attributes attrs, Shape x, Shape grid, double reach) {
    samples.push_back(makeSample("GridSample", std::move(attrs), {f32(std::move(x)), f32(std::move(grid))},
                                 {{}, Fill::uniform(-reach, reach)}));
  };
  for (const std::string mode : {"linear", "nearest", "cubic"})
    for (const std::string padding : {"zeros", "border", "reflection"})
      for (const int corners : {0, 1})
        add({{"mode", mode}, {"padding", padding}, {"align_corners", corners}}, {2, 18, 5, 7}, {2, 4, 9, 2},
            corners ? 1.3 : 4.0);
  for (const std::string mode : {"linear", "nearest", "cubic"}) {
    add({{"mode", mode}}, {1, 3, 3, 4, 5}, {1, 2, 3, 4, 3}, 1.2);
    add({{"mode", mode}, {"padding", std::string("reflection")}}, {2, 3, 9}, {2, 6, 1}, 3);
    add({{"mode", mode}, {"padding", std::string("reflection")}, {"align_corners", 1}}, {1, 1, 1, 3},
        {1, 2, 2, 2}, 2);
  }
  const float no = std::nanf(""), far = INFINITY;
  for (const std::string padding : {"zeros", "border", "reflection"})
    samples.push_back(
        makeSample("GridSample", {{"padding", padding}}, {f32({1, 2, 3, 4}), f32({1, 1, 4, 2})},
                   {{}, Fill::of(HostTensor::of<float>({1, 1, 4, 2}, {no, 0, far, -far, 1e30f, 0, 0, no}))}));
  return samples;
}

}  // namespace

GridSampling gridSampling(const OpView& op) {
  const Shape &x = op.inputs[0].shape, &grid = op.inputs[1].shape;
  GridSampling g;
  const std::string mode = op.attrs.string("mode", "linear"), padding = op.attrs.string("padding", "zeros");
  if (mode != "linear" && mode != "nearest" && mode != "cubic") refuse("there is no mode '" + mode + "'");
  if (padding != "zeros" && padding != "border" && padding != "reflection")
    refuse("there is no padding '" + padding + "'");
  if (!isFloat(op.inputs[0].type) || !isFloat(op.inputs[1].type)) refuse("wants floating-point inputs");
  if (x.size() < 3 || x.size() > 5) refuse("wants one to three spatial extents, got " + toString(x));
  g.rank = static_cast<int>(x.size()) - 2;
  if (grid.size() != x.size() || grid[0] != x[0] || grid.back() != g.rank)
    refuse("a grid of shape " + toString(grid) + " does not address " + toString(x));
  for (int axis = 0; axis < g.rank; ++axis) {
    const auto at = static_cast<std::size_t>(3 - g.rank + axis);
    g.in[at] = x[static_cast<std::size_t>(axis) + 2];
    g.out[at] = grid[static_cast<std::size_t>(axis) + 1];
    if (g.in[at] < 1) refuse("x has no elements");
  }
  g.taps = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
  g.padding = padding == "zeros" ? 0 : padding == "border" ? 1 : 2;
  g.alignCorners = op.attrs.integer("align_corners") != 0;
  return g;
}

void addOperators_grid_sample(OperatorList& list) {
  static const GridSample gridSample;
  list.push_back(&gridSample);
}

}  // namespace tessera
