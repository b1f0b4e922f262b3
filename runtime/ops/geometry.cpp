// Spatial geometry of convolutions, deconvolutions and pooling.
#include "ops/geometry.hpp"

#include <algorithm>
#include <limits>

#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

/// Kernels count extents, strides and pads in 32 bits; spans and padded extents of such never overflow 64.
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

/// An attribute with one entry per spatial extent, right-aligned into Extents.
Extents readList(const Attributes& attrs, std::string_view name, int rank, std::int64_t fallback,
                 std::int64_t least) {
  Extents extents;
  extents.fill(fallback);
  const auto list = attrs.integers(name);
  if (list.empty()) return extents;
  if (static_cast<int>(list.size()) != rank)
    refuse(std::string(name) + " has " + std::to_string(list.size()) + " entries for " +
           std::to_string(rank) + " spatial extents");
  for (int i = 0; i < rank; ++i) {
    if (list[i] < least || list[i] > kMost) refuse(std::string(name) + " holds " + std::to_string(list[i]));
    extents[3 - rank + i] = list[i];
  }
  return extents;
}

/// `count` entries of `list` from `first` on, right-aligned.
void fillExtents(Extents& extents, const std::vector<std::int64_t>& list, std::size_t first, int count) {
  for (int axis = 3 - count; axis < 3; ++axis) extents.at(axis) = list.at(first + axis - (3 - count));
}

/// Rank, batch, channels, input extents, strides, dilations and pads.
Window readCommon(const Attributes& attrs, const Shape& x) {
  if (x.size() < 3 || x.size() > 5) refuse("wants N, C and one to three spatial extents, got " + toString(x));
  if (std::ranges::any_of(x, [](std::int64_t extent) { return extent > kMost; }))
    refuse("an extent of " + toString(x) + " exceeds 32 bits");
  Window w;
  w.rank = static_cast<int>(x.size()) - 2;
  w.batch = x[0];
  w.channels = w.outChannels = x[1];
  fillExtents(w.in, x, 2, w.rank);
  w.stride = readList(attrs, "strides", w.rank, 1, 1);
  w.dilation = readList(attrs, "dilations", w.rank, 1, 1);
  const auto pads = attrs.integers("pads");
  if (!pads.empty() && static_cast<int>(pads.size()) != 2 * w.rank)
    refuse("pads has " + std::to_string(pads.size()) + " entries for " + std::to_string(w.rank) +
           " spatial extents");
  for (const std::int64_t pad : pads)
    if (pad > kMost || pad < -kMost) refuse("pads holds " + std::to_string(pad));
  if (!pads.empty()) {
    fillExtents(w.padBegin, pads, 0, w.rank);
    fillExtents(w.padEnd, pads, w.rank, w.rank);
  }
  return w;
}

void readWeights(Window& w, const Attributes& attrs, const Shape& weights) {
  w.group = attrs.integer("group", 1);
  if (static_cast<int>(weights.size()) != w.rank + 2)
    refuse("weights " + toString(weights) + " do not fit " + std::to_string(w.rank) + " spatial extents");
  if (std::ranges::any_of(weights, [](std::int64_t extent) { return extent > kMost; }))
    refuse("an extent of weights " + toString(weights) + " exceeds 32 bits");
  if (w.group < 1 || w.channels % w.group != 0)
    refuse(std::to_string(w.channels) + " channels can not be split into " + std::to_string(w.group) +
           " groups");
  fillExtents(w.kernel, weights, 2, w.rank);
  const Extents declared = readList(attrs, "kernel", w.rank, 0, 1);
  for (int axis = 3 - w.rank; axis < 3; ++axis)
    if (declared[axis] != 0 && declared[axis] != w.kernel[axis])
      refuse("attribute kernel differs from weights " + toString(weights));
}

/// Positions of a window on an axis of padded extent `cells`; 0 where it does not fit.
std::int64_t positions(std::int64_t cells, std::int64_t span, std::int64_t stride, bool ceilMode) {
  if (cells < span) return 0;
  return (cells - span + (ceilMode ? stride - 1 : 0)) / stride + 1;
}

void checkOutput(const Window& w) {
  for (int axis = 0; axis < 3; ++axis)
    if (w.out[axis] < 1)
      refuse("the window spans " + std::to_string(w.span(axis)) + " cells, more than the " +
             std::to_string(w.in[axis] + w.padBegin[axis] + w.padEnd[axis]) + " of the padded input");
}

}  // namespace

bool Window::pointwise() const {
  return kernelVolume() == 1 && stride == Extents{1, 1, 1} && padBegin == Extents{0, 0, 0} &&
         padEnd == Extents{0, 0, 0};
}

Shape Window::outputShape() const {
  Shape shape{batch, outChannels};
  shape.insert(shape.end(), out.end() - rank, out.end());
  return shape;
}

Window convolutionWindow(const Attributes& attrs, const Shape& x, const Shape& weights) {
  Window w = readCommon(attrs, x);
  readWeights(w, attrs, weights);
  w.outChannels = weights[0];
  if (weights[1] != w.groupChannels())
    refuse("weights " + toString(weights) + " want " + std::to_string(weights[1] * w.group) +
           " channels, the input has " + std::to_string(w.channels));
  if (w.outChannels % w.group != 0)
    refuse(std::to_string(w.outChannels) + " output channels can not be split into " +
           std::to_string(w.group) + " groups");
  for (int axis = 0; axis < 3; ++axis)
    w.out[axis] =
        positions(w.in[axis] + w.padBegin[axis] + w.padEnd[axis], w.span(axis), w.stride[axis], false);
  checkOutput(w);
  return w;
}

Window deconvolutionWindow(const Attributes& attrs, const Shape& x, const Shape& weights) {
  Window w = readCommon(attrs, x);
  readWeights(w, attrs, weights);
  if (weights[0] != w.channels)
    refuse("weights " + toString(weights) + " want " + std::to_string(weights[0]) +
           " channels, the input has " + std::to_string(w.channels));
  w.outChannels = weights[1] * w.group;
  const Extents extra = readList(attrs, "output_padding", w.rank, 0, 0);
  for (int axis = 0; axis < 3; ++axis) {
    w.out[axis] =
        (w.in[axis] - 1) * w.stride[axis] - w.padBegin[axis] - w.padEnd[axis] + w.span(axis) + extra[axis];
    if (w.out[axis] < 1) refuse("the pads leave no output");
  }
  return w;
}

Window poolWindow(const Attributes& attrs, const Shape& x) {
  Window w = readCommon(attrs, x);
  w.kernel = readList(attrs, "kernel", w.rank, 0, 1);
  for (int axis = 0; axis < 3 - w.rank; ++axis) w.kernel[axis] = 1;
  if (w.kernel[2] == 0) refuse("attribute kernel is missing");
  const bool ceilMode = attrs.integer("ceil_mode") != 0;
  for (int axis = 0; axis < 3; ++axis) {
    if (w.padBegin[axis] < 0 || w.padEnd[axis] < 0) refuse("pads of pooling can not be negative");
    if (w.padBegin[axis] >= w.span(axis) || w.padEnd[axis] >= w.span(axis))
      refuse("a pad as wide as the window leaves windows without input");
    w.out[axis] =
        positions(w.in[axis] + w.padBegin[axis] + w.padEnd[axis], w.span(axis), w.stride[axis], ceilMode);
    // The last window of ceil mode must begin inside the input or its leading pad.
    if (ceilMode && (w.out[axis] - 1) * w.stride[axis] >= w.in[axis] + w.padBegin[axis]) --w.out[axis];
  }
  checkOutput(w);
  return w;
}

Window windowOf(const OpView& op) {
  if (op.op == "Convolution" || op.op == "QConvolution")
    return convolutionWindow(op.attrs, op.inputs[0].shape, op.inputs[1].shape);
  if (op.op == "Deconvolution" || op.op == "QDeconvolution")
    return deconvolutionWindow(op.attrs, op.inputs[0].shape, op.inputs[1].shape);
  if (op.op == "Pool" || (op.op == "QAveragePool" && !op.attrs.integer("global")))
    return poolWindow(op.attrs, op.inputs[0].shape);
  if (op.op == "GlobalPool" || op.op == "QAveragePool") {
    Window w = readCommon({}, op.inputs[0].shape);
    w.kernel = w.in;
    return w;
  }
  throw Error(ErrorCode::Internal, op.op + " has no window");
}

PoolRange poolRange(const Window& window, int axis, std::int64_t outIndex) {
  PoolRange range;
  const std::int64_t begin = outIndex * window.stride[axis] - window.padBegin[axis];
  for (std::int64_t k = 0; k < window.kernel[axis]; ++k) {
    const std::int64_t at = begin + k * window.dilation[axis];
    range.inside += at >= 0 && at < window.in[axis];
    range.padded += at < window.in[axis] + window.padEnd[axis];
  }
  return range;
}

}  // namespace tessera
