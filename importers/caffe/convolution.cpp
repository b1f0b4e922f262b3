// Rows: Convolution, Deconvolution, InnerProduct.
#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;

/// One value of at least `least` per spatial extent, from a list (none, one for all, one each) or the 2-D
/// fields
/// *_h and *_w.
template <class List>
Values perExtent(const LayerContext& c, const List& list, bool hasPair, std::uint64_t h, std::uint64_t w,
                 std::size_t extents, std::int64_t fallback, std::int64_t least, const char* what) {
  if (hasPair) {
    if (extents != 2) c.bad(std::string(what) + "_h and " + what + "_w are for images only");
    if (list.size())
      c.bad(std::string(what) + " is given both as a list and as " + what + "_h, " + what + "_w");
    return {c.atLeast(least, h, what), c.atLeast(least, w, what)};
  }
  if (list.size() == 0) return Values(extents, c.atLeast(least, fallback, what));
  if (list.size() == 1) return Values(extents, c.atLeast(least, list[0], what));
  if (list.size() != static_cast<int>(extents))
    c.bad(std::string(what) + " has " + std::to_string(list.size()) + " values for " +
          std::to_string(extents) + " spatial extents");
  Values values;
  for (const auto value : list) values.push_back(c.atLeast(least, value, what));
  return values;
}

/// How the window moves, from convolution_param.
struct WindowParameters {
  Values kernel, strides, pads, dilations;
};

WindowParameters windowParameters(const LayerContext& c) {
  const auto& p = c.layer.convolution_param();
  const std::size_t extents = c.shape().size() - 2;
  WindowParameters w;
  w.kernel = perExtent(c, p.kernel_size(), p.has_kernel_h() || p.has_kernel_w(), p.kernel_h(), p.kernel_w(),
                       extents, 0, 1, "kernel");
  w.strides = perExtent(c, p.stride(), p.has_stride_h() || p.has_stride_w(), p.stride_h(), p.stride_w(),
                        extents, 1, 1, "stride");
  w.pads = perExtent(c, p.pad(), p.has_pad_h() || p.has_pad_w(), p.pad_h(), p.pad_w(), extents, 0, 0, "pad");
  w.dilations = perExtent(c, p.dilation(), false, 0, 0, extents, 1, 1, "dilation");
  return w;
}

enum class Kind { Plain, Depthwise, Transposed };

/// Forks' depthwise convolutions have one filter per channel whether or not `group` says so.
std::int64_t groupsOf(const LayerContext& c, Kind kind) {
  const auto& p = c.layer.convolution_param();
  const std::int64_t inputs = c.shape()[1], group = c.positive(p.group(), "group");
  if (kind != Kind::Depthwise) return group;
  if (group != 1 && group != inputs)
    c.bad("a depthwise convolution of " + std::to_string(inputs) + " channels has group " +
          std::to_string(group));
  return inputs;
}

/// One output for each input, all by the same weights.
std::vector<TensorId> convolve(const LayerContext& c, Kind kind) {
  const auto& p = c.layer.convolution_param();
  if (c.rank() < 3) c.bad("its input of " + toString(c.shape()) + " has no spatial extents");
  if (c.axis(p.axis()) != 1)
    c.refuse("the channel axis is " + std::to_string(p.axis()) + "; only 1 is supported");
  for (std::size_t i = 1; i < c.bottomCount(); ++i)
    if (c.shape(i) != c.shape(0))
      c.bad("its inputs differ: " + toString(c.shape(0)) + " and " + toString(c.shape(i)));
  if (c.bottomCount() != c.tops().size())
    c.bad("it has " + std::to_string(c.tops().size()) + " outputs for " + std::to_string(c.bottomCount()) +
          " inputs");
  const WindowParameters w = windowParameters(c);
  const std::int64_t outputs = c.positive(p.num_output(), "num_output"), inputs = c.shape()[1],
                     group = groupsOf(c, kind);
  if (inputs % group || outputs % group)
    c.bad(std::to_string(inputs) + " input and " + std::to_string(outputs) +
          " output channels do not split into " + std::to_string(group) + " groups");
  const bool transposed = kind == Kind::Transposed;
  Shape filter = transposed ? Shape{inputs, outputs / group} : Shape{outputs, inputs / group};
  filter.insert(filter.end(), w.kernel.begin(), w.kernel.end());

  std::vector<TensorId> operands = {c.bottom(), c.weights(0, filter, "weights")};
  if (p.bias_term()) operands.push_back(c.weights(1, {outputs}, "bias"));
  Values bothPads = w.pads;
  bothPads.insert(bothPads.end(), w.pads.begin(), w.pads.end());
  const Attributes attrs = {
      {"strides", w.strides}, {"dilations", w.dilations}, {"pads", bothPads}, {"group", group}};
  const std::string op = transposed ? "Deconvolution" : "Convolution";
  if (c.bottomCount() == 1) return c.result(op, operands, attrs);
  std::vector<TensorId> made;
  for (std::size_t i = 0; i < c.bottomCount(); ++i) {
    operands[0] = c.bottom(i);
    made.push_back(c.build.add(op, c.layer.name() + ":" + std::to_string(i), operands, attrs, {c.tops()[i]}));
  }
  return made;
}

std::vector<TensorId> convolutionLayer(const LayerContext& c) { return convolve(c, Kind::Plain); }
std::vector<TensorId> depthwise(const LayerContext& c) { return convolve(c, Kind::Depthwise); }
std::vector<TensorId> deconvolutionLayer(const LayerContext& c) { return convolve(c, Kind::Transposed); }

HostTensor transposed(const HostTensor& matrix) {
  const auto rows = matrix.shape[0], columns = matrix.shape[1];
  HostTensor out(matrix.type, {columns, rows});
  const auto from = matrix.as<float>();
  auto to = out.as<float>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t k = 0; k < columns; ++k) to[k * rows + r] = from[r * columns + k];
  return out;
}

std::vector<TensorId> innerProduct(const LayerContext& c) {
  const auto& p = c.layer.inner_product_param();
  const std::int64_t axis = c.axis(p.axis()), outputs = c.positive(p.num_output(), "num_output");
  const Shape lead(c.shape().begin(), c.shape().begin() + axis);
  const std::int64_t items = elementCount(lead),
                     inputs = elementCount(c.shape()) / std::max<std::int64_t>(items, 1);

  HostTensor matrix = p.transpose() ? transposed(c.blob(0, {inputs, outputs}, "weights"))
                                    : c.blob(0, {outputs, inputs}, "weights");
  std::vector<TensorId> operands = {c.bottom(), c.constant("weights", std::move(matrix))};
  if (p.bias_term()) operands.push_back(c.weights(1, {outputs}, "bias"));
  if (axis == 1) return c.result("FullyConnected", operands);

  operands[0] = c.step("Reshape", "rows", {c.bottom()}, {{"shape", Values{items, inputs}}});
  const TensorId flat = c.step("FullyConnected", "product", operands);
  Values shape = lead;
  shape.push_back(outputs);
  return c.result("Reshape", {flat}, {{"shape", shape}});
}

}  // namespace

std::vector<LayerRow> convolutionRows() {
  return {{"Convolution", 1, 64, convolutionLayer},
          {"ConvolutionDepthwise", 1, 64, depthwise},
          {"DepthwiseConvolution", 1, 64, depthwise},
          {"Deconvolution", 1, 64, deconvolutionLayer},
          {"InnerProduct", 1, 1, innerProduct}};
}

}  // namespace tessera::caffe
