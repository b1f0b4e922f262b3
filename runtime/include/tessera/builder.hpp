/// \file
/// Networks written in C++: a typed function for each common operator, over Graph.
#pragma once

#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// One number for every spatial extent, or one for each: `2`, `{2, 1}`.
class PerExtent {
 public:
  PerExtent(std::int64_t every) : values_{every} {}                       ///< the same for all
  PerExtent(std::initializer_list<std::int64_t> each) : values_(each) {}  ///< one for each
  /// Throws Error(InvalidArgument) that names `what` where there are neither one number nor `rank`.
  std::vector<std::int64_t> of(std::size_t rank, const std::string& what) const;

 private:
  std::vector<std::int64_t> values_;
};

/// Cells around the spatial extents: one number for every side, one for each extent, or the begins and then
/// the ends: `1`, `{1, 2}`, `{0, 0, 1, 1}` (top, left, bottom, right).
class Padding {
 public:
  Padding(std::int64_t every) : values_{every} {}                       ///< the same on all sides
  Padding(std::initializer_list<std::int64_t> each) : values_(each) {}  ///< one for each extent or side
  /// Begins, then ends. Throws Error(InvalidArgument) that names `what` where the count fits none of the
  /// above.
  std::vector<std::int64_t> of(std::size_t rank, const std::string& what) const;

 private:
  std::vector<std::int64_t> values_;
};

/// A weight, scale or bias: its values (HostTensor::view() takes them from where they lie, without a copy),
/// or a tensor of the network (computed, or shared by several layers).
using Parameter = std::variant<std::monostate, HostTensor, TensorId>;

/// Of NetworkBuilder::convolution().
struct ConvolutionOptions {
  PerExtent stride = 1;    ///< of the window
  PerExtent dilation = 1;  ///< of the window's cells
  Padding pad = 0;         ///< zeros around x
  std::int64_t group = 1;  ///< the channels' number for a depthwise convolution
  Parameter bias = {};     ///< f32 [K]; none: no bias
  std::string name = {};   ///< of the layer; empty: its operator and a number
};

/// Of NetworkBuilder::deconvolution().
struct DeconvolutionOptions {
  PerExtent stride = 1;         ///< of the output
  PerExtent dilation = 1;       ///< of the window's cells
  Padding pad = 0;              ///< cells of the output that are cut off
  PerExtent outputPadding = 0;  ///< cells added at the ends
  std::int64_t group = 1;       ///< see ConvolutionOptions
  Parameter bias = {};          ///< f32 [K]
  std::string name = {};        ///< of the layer
};

/// Of NetworkBuilder::fullyConnected().
struct FullyConnectedOptions {
  Parameter bias = {};    ///< f32 [O]
  std::string name = {};  ///< of the layer
};

/// Of NetworkBuilder::maxPool() and averagePool().
struct PoolingOptions {
  PerExtent stride = 1;          ///< of the window
  Padding pad = 0;               ///< around x
  bool ceilMode = false;         ///< the last window may hang over the end
  bool countIncludePad = false;  ///< averages divide by the whole window
  std::string name = {};         ///< of the layer
};

/// How NetworkBuilder::resize() places and weighs pixels: as ONNX Resize names them.
struct ResizeOptions {
  std::string mode = "linear";            ///< nearest, linear, cubic
  std::string coordinate = "half_pixel";  ///< half_pixel, align_corners, asymmetric, ..
  bool antialias = false;                 ///< filters are stretched where the image shrinks
  std::string name = {};                  ///< of the layer
};

/// Makes a Graph layer by layer. Values are f32 unless said otherwise; images are N, C, H, W. Every function
/// throws Error(InvalidArgument) that names the layer, its operands' shapes and the reason where they do not
/// fit. What has no function here is added with layer(), which knows every operator of docs/operators.md.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(std::string networkName);  ///< Graph::name; messages begin with it

  /// An input of the network.
  TensorId input(const std::string& name, Shape shape, DataType type = DataType::Float32);
  /// A tensor whose values are known; for several layers that share it, or as an operand.
  TensorId constant(HostTensor value, const std::string& name = {});
  /// Makes `value` an output of the network under this name. Throws Error(InvalidArgument) where the name is
  /// taken.
  void output(TensorId value, const std::string& name);

  /// Cross-correlation of x [N, C, ..] with weights [K, C / group, k..].
  TensorId convolution(TensorId x, Parameter weights, ConvolutionOptions options = {});
  /// Transposed convolution of x [N, C, ..] with weights [C, K / group, k..].
  TensorId deconvolution(TensorId x, Parameter weights, DeconvolutionOptions options = {});
  /// x [N, ..], flattened to [N, I], times weights [O, I] transposed.
  TensorId fullyConnected(TensorId x, Parameter weights, FullyConnectedOptions options = {});
  TensorId matMul(TensorId a, TensorId b);  ///< a [.., M, K] times b [.., K, N], as numpy's matmul

  /// The largest, or the mean, of every window of `kernel` cells.
  TensorId maxPool(TensorId x, PerExtent kernel, PoolingOptions options = {});
  TensorId averagePool(TensorId x, PerExtent kernel, PoolingOptions options = {});  ///< likewise
  TensorId globalAveragePool(TensorId x);  ///< the mean over all spatial extents, which become 1
  TensorId globalMaxPool(TensorId x);      ///< likewise the largest

  /// (x - mean) / sqrt(variance + epsilon) * scale + bias, each of them [C].
  TensorId batchNorm(TensorId x, Parameter scale, Parameter bias, Parameter mean, Parameter variance,
                     double epsilon = 1e-5);
  /// Over the spatial extents of each image and channel; scale and bias [C].
  TensorId instanceNorm(TensorId x, Parameter scale, Parameter bias, double epsilon = 1e-5);
  /// Over the extents from `axis` on, which scale and bias have.
  TensorId layerNorm(TensorId x, Parameter scale, Parameter bias, std::int64_t axis = -1,
                     double epsilon = 1e-5);

  TensorId relu(TensorId x);                               ///< max(x, 0)
  TensorId leakyRelu(TensorId x, double alpha = 0.01);     ///< alpha x below 0
  TensorId prelu(TensorId x, Parameter slope);             ///< slope x below 0; slope broadcast against x
  TensorId sigmoid(TensorId x);                            ///< 1 / (1 + exp(-x))
  TensorId tanh(TensorId x);                               ///< hyperbolic tangent
  TensorId silu(TensorId x);                               ///< x sigmoid(x)
  TensorId hardSwish(TensorId x);                          ///< x min(max(x + 3, 0), 6) / 6
  TensorId gelu(TensorId x);                               ///< x (1 + erf(x / sqrt(2))) / 2
  TensorId clip(TensorId x, double least, double most);    ///< clip(x, 0, 6) is Relu6
  TensorId softmax(TensorId x, std::int64_t axis = 1);     ///< over one axis
  TensorId logSoftmax(TensorId x, std::int64_t axis = 1);  ///< its logarithm

  TensorId add(TensorId a, TensorId b);  ///< a + b, broadcast as numpy does
  TensorId sub(TensorId a, TensorId b);  ///< a - b
  TensorId mul(TensorId a, TensorId b);  ///< a b
  TensorId div(TensorId a, TensorId b);  ///< a / b

  TensorId concat(const std::vector<TensorId>& parts, std::int64_t axis = 1);  ///< one behind the other
  TensorId reshape(TensorId x, Shape shape);  ///< an extent of -1 is what is left; 0 stays as it is
  TensorId flatten(TensorId x);               ///< [N, everything else]
  TensorId transpose(TensorId x,
                     std::vector<std::int64_t> order);  ///< extent i of the result is x's order[i]
  /// `sizes` elements of every extent from `starts` on.
  TensorId slice(TensorId x, std::vector<std::int64_t> starts, std::vector<std::int64_t> sizes);
  TensorId pad(TensorId x, Padding around, double value = 0);               ///< of the spatial extents
  TensorId resize(TensorId x, PerExtent size, ResizeOptions options = {});  ///< the spatial extents to `size`
  TensorId reduceMean(TensorId x, std::vector<std::int64_t> axes, bool keepExtents = true);  ///< over `axes`
  TensorId argMax(TensorId x, std::int64_t axis = 1);     ///< i64, the axis becomes 1
  TensorId depthToSpace(TensorId x, std::int64_t block);  ///< channels to block x block pixels (order DCR)

  /// Any operator of docs/operators.md. Throws, with the attributes that it knows, where one is unknown.
  TensorId layer(const std::string& op, std::vector<TensorId> inputs, Attributes attributes = {},
                 const std::string& name = {});

  const Shape& shape(TensorId value) const;  ///< of a value
  /// The network. Throws Error(InvalidArgument) where it has no output.
  Graph build() const;

 private:
  std::size_t spatialRank(TensorId x, const char* what) const;
  std::string nameFor(const std::string& op, const std::string& given);
  TensorId parameter(Parameter value, const std::string& name);
  std::vector<TensorId> operands(TensorId x, Parameter weights, Parameter bias, const std::string& name);
  TensorId pool(const char* mode, TensorId x, const PerExtent& kernel, const PoolingOptions& options);

  Graph graph_;
  std::size_t named_ = 0;
};

}  // namespace tessera
