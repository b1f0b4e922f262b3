// Rows: Convolution, Deconvolution, InnerProduct.
#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;

/// One value per spatial extent, from a list (none, one for all, one each) or the 2-D fields *_h and *_w.
template <class List>
Values perExtent(const LayerContext& c, const List& list, bool hasPair, std::int64_t h, std::int64_t w,
                 std::size_t extents, std::int64_t fallback, const char* what) {
  if (hasPair) {
    if (extents != 2) c.bad(std::string(what) + "_h and " + what + "_w are for images only");
    if (list.size())
      c.bad(std::string(what) + " is given both as a list and as " + what + "_h, " + what + "_w");
    return {h, w};
  }
  if (list.size() == 0) return Values(extents, fallback);
  if (list.size() == 1) return Values(extents, static_cast<std::int64_t>(list[0]));
  if (list.size() != static_cast<int>(extents))
    c.bad(std::string(what) + " has " + std::to_string(list.size()) + " values for " +
          std::to_string(extents) + " spatial extents");
  return {list.begin(), list.end()};
}

std::vector<TensorId> convolve(const LayerContext& c, bool transposed) {
  const auto& p = c.layer.convolution_param();
  if (c.rank() < 3) c.bad("its input of " + toString(c.shape()) + " has no spatial extents");
  if (c.axis(p.axis()) != 1)
    c.refuse("the channel axis is " + std::to_string(p.axis()) + "; only 1 is supported");
  if (c.bottomCount() > 1) c.refuse("several inputs share the weights; give each a layer of its own");
  const std::size_t extents = c.shape().size() - 2;
  const Values kernel = perExtent(c, p.kernel_size(), p.has_kernel_h() || p.has_kernel_w(), p.kernel_h(),
                                  p.kernel_w(), extents, 0, "kernel");
  const Values strides = perExtent(c, p.stride(), p.has_stride_h() || p.has_stride_w(), p.stride_h(),
                                   p.stride_w(), extents, 1, "stride");
  const Values pads =
      perExtent(c, p.pad(), p.has_pad_h() || p.has_pad_w(), p.pad_h(), p.pad_w(), extents, 0, "pad");
  const Values dilations = perExtent(c, p.dilation(), false, 0, 0, extents, 1, "dilation");
  for (std::size_t i = 0; i < extents; ++i)
    if (kernel[i] < 1 || strides[i] < 1 || dilations[i] < 1)
      c.bad("kernel, stride and dilation must be at least 1");

  const std::int64_t outputs = p.num_output(), inputs = c.shape()[1], group = p.group();
  if (outputs < 1 || group < 1 || inputs % group || outputs % group)
    c.bad(std::to_string(inputs) + " input and " + std::to_string(outputs) +
          " output channels do not split into " + std::to_string(group) + " groups");
  Shape filter = transposed ? Shape{inputs, outputs / group} : Shape{outputs, inputs / group};
  filter.insert(filter.end(), kernel.begin(), kernel.end());

  std::vector<TensorId> operands = {c.bottom(), c.weights(0, filter, "weights")};
  if (p.bias_term()) operands.push_back(c.weights(1, {outputs}, "bias"));
  Values bothPads = pads;
  bothPads.insert(bothPads.end(), pads.begin(), pads.end());
  return c.result(transposed ? "Deconvolution" : "Convolution", operands,
                  {{"strides", strides}, {"dilations", dilations}, {"pads", bothPads}, {"group", group}});
}

std::vector<TensorId> convolution(const LayerContext& c) { return convolve(c, false); }
std::vector<TensorId> deconvolution(const LayerContext& c) { return convolve(c, true); }

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
  const std::int64_t axis = c.axis(p.axis()), outputs = p.num_output();
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
  return {{"Convolution", 1, 64, convolution},
          {"ConvolutionDepthwise", 1, 64, convolution},
          {"DepthwiseConvolution", 1, 64, convolution},
          {"Deconvolution", 1, 64, deconvolution},
          {"InnerProduct", 1, 1, innerProduct}};
}

}  // namespace tessera::caffe
