// Typed functions over Graph::add.
#include "tessera/builder.hpp"

#include <numeric>

#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

std::string counted(std::size_t values) {
  return std::to_string(values) + (values == 1 ? " number" : " numbers");
}

}  // namespace

std::vector<std::int64_t> PerExtent::of(std::size_t rank, const std::string& what) const {
  if (values_.size() == rank) return values_;
  if (values_.size() != 1)
    refuse(what + " has " + counted(values_.size()) + " for " + std::to_string(rank) + " spatial extents");
  return std::vector<std::int64_t>(rank, values_[0]);
}

std::vector<std::int64_t> Padding::of(std::size_t rank, const std::string& what) const {
  if (values_.size() == 2 * rank) return values_;
  if (values_.size() == 1) return std::vector<std::int64_t>(2 * rank, values_[0]);
  if (values_.size() != rank)
    refuse(what + " has " + counted(values_.size()) + " for " + std::to_string(rank) +
           " spatial extents: give one, one an extent, or begins and ends");
  auto both = values_;
  both.insert(both.end(), values_.begin(), values_.end());
  return both;
}

NetworkBuilder::NetworkBuilder(std::string networkName) { graph_.name = std::move(networkName); }

TensorId NetworkBuilder::input(const std::string& name, Shape shape, DataType type) {
  if (graph_.findTensor(name) != kNoTensor)
    refuse("network '" + graph_.name + "' has a tensor '" + name + "' already");
  return graph_.addInput(name, type, std::move(shape));
}

TensorId NetworkBuilder::constant(HostTensor value, const std::string& name) {
  return graph_.addConstant(nameFor("constant", name), std::move(value));
}

void NetworkBuilder::output(TensorId value, const std::string& name) {
  if (const TensorId taken = graph_.findTensor(name);
      taken != kNoTensor && (taken != value || graph_.isOutput(value)))
    refuse("network '" + graph_.name + "' has a tensor '" + name + "' already");
  const bool computed = graph_.producer(value) >= 0;
  if (!computed || graph_.isOutput(value)) value = graph_.add("Identity", name, {value});
  graph_.tensor(value).name = name;
  graph_.markOutput(value);
}

TensorId NetworkBuilder::convolution(TensorId x, Parameter weights, ConvolutionOptions options) {
  const std::string name = nameFor("Convolution", options.name);
  const auto rank = spatialRank(x, name.c_str());
  return layer("Convolution", operands(x, std::move(weights), std::move(options.bias), name),
               {{"strides", options.stride.of(rank, name + ": stride")},
                {"dilations", options.dilation.of(rank, name + ": dilation")},
                {"pads", options.pad.of(rank, name + ": pad")},
                {"group", options.group}},
               name);
}

TensorId NetworkBuilder::deconvolution(TensorId x, Parameter weights, DeconvolutionOptions options) {
  const std::string name = nameFor("Deconvolution", options.name);
  const auto rank = spatialRank(x, name.c_str());
  return layer("Deconvolution", operands(x, std::move(weights), std::move(options.bias), name),
               {{"strides", options.stride.of(rank, name + ": stride")},
                {"dilations", options.dilation.of(rank, name + ": dilation")},
                {"pads", options.pad.of(rank, name + ": pad")},
                {"output_padding", options.outputPadding.of(rank, name + ": outputPadding")},
                {"group", options.group}},
               name);
}

TensorId NetworkBuilder::fullyConnected(TensorId x, Parameter weights, FullyConnectedOptions options) {
  const std::string name = nameFor("FullyConnected", options.name);
  return layer("FullyConnected", operands(x, std::move(weights), std::move(options.bias), name), {}, name);
}

TensorId NetworkBuilder::matMul(TensorId a, TensorId b) { return layer("MatMul", {a, b}); }

TensorId NetworkBuilder::pool(const char* mode, TensorId x, const PerExtent& kernel,
                              const PoolingOptions& options) {
  const std::string name = nameFor("Pool", options.name);
  const auto rank = spatialRank(x, name.c_str());
  return layer("Pool", {x},
               {{"mode", std::string(mode)},
                {"kernel", kernel.of(rank, name + ": kernel")},
                {"strides", options.stride.of(rank, name + ": stride")},
                {"pads", options.pad.of(rank, name + ": pad")},
                {"ceil_mode", std::int64_t{options.ceilMode}},
                {"count_include_pad", std::int64_t{options.countIncludePad}}},
               name);
}

TensorId NetworkBuilder::maxPool(TensorId x, PerExtent kernel, PoolingOptions options) {
  return pool("max", x, kernel, options);
}
TensorId NetworkBuilder::averagePool(TensorId x, PerExtent kernel, PoolingOptions options) {
  return pool("average", x, kernel, options);
}
TensorId NetworkBuilder::globalAveragePool(TensorId x) {
  return layer("GlobalPool", {x}, {{"mode", std::string("average")}});
}
TensorId NetworkBuilder::globalMaxPool(TensorId x) {
  return layer("GlobalPool", {x}, {{"mode", std::string("max")}});
}

TensorId NetworkBuilder::batchNorm(TensorId x, Parameter scale, Parameter bias, Parameter mean,
                                   Parameter variance, double epsilon) {
  const std::string name = nameFor("BatchNorm", {});
  return layer(
      "BatchNorm",
      {x, parameter(std::move(scale), name + ".scale"), parameter(std::move(bias), name + ".bias"),
       parameter(std::move(mean), name + ".mean"), parameter(std::move(variance), name + ".variance")},
      {{"epsilon", epsilon}}, name);
}

TensorId NetworkBuilder::instanceNorm(TensorId x, Parameter scale, Parameter bias, double epsilon) {
  const std::string name = nameFor("InstanceNorm", {});
  return layer("InstanceNorm",
               {x, parameter(std::move(scale), name + ".scale"), parameter(std::move(bias), name + ".bias")},
               {{"epsilon", epsilon}}, name);
}

TensorId NetworkBuilder::layerNorm(TensorId x, Parameter scale, Parameter bias, std::int64_t axis,
                                   double epsilon) {
  const std::string name = nameFor("LayerNorm", {});
  return layer("LayerNorm",
               {x, parameter(std::move(scale), name + ".scale"), parameter(std::move(bias), name + ".bias")},
               {{"axis", axis}, {"epsilon", epsilon}}, name);
}

TensorId NetworkBuilder::relu(TensorId x) { return layer("Relu", {x}); }
TensorId NetworkBuilder::leakyRelu(TensorId x, double alpha) {
  return layer("LeakyRelu", {x}, {{"alpha", alpha}});
}
TensorId NetworkBuilder::prelu(TensorId x, Parameter slope) {
  const std::string name = nameFor("PRelu", {});
  return layer("PRelu", {x, parameter(std::move(slope), name + ".slope")}, {}, name);
}
TensorId NetworkBuilder::sigmoid(TensorId x) { return layer("Sigmoid", {x}); }
TensorId NetworkBuilder::tanh(TensorId x) { return layer("Tanh", {x}); }
TensorId NetworkBuilder::silu(TensorId x) { return layer("Silu", {x}); }
TensorId NetworkBuilder::hardSwish(TensorId x) { return layer("HardSwish", {x}); }
TensorId NetworkBuilder::gelu(TensorId x) { return layer("Gelu", {x}); }
TensorId NetworkBuilder::clip(TensorId x, double least, double most) {
  return layer("Clip", {x}, {{"alpha", least}, {"beta", most}});
}
TensorId NetworkBuilder::softmax(TensorId x, std::int64_t axis) {
  return layer("Softmax", {x}, {{"axis", axis}});
}
TensorId NetworkBuilder::logSoftmax(TensorId x, std::int64_t axis) {
  return layer("Softmax", {x}, {{"axis", axis}, {"log", std::int64_t{1}}});
}

TensorId NetworkBuilder::add(TensorId a, TensorId b) { return layer("Add", {a, b}); }
TensorId NetworkBuilder::sub(TensorId a, TensorId b) { return layer("Sub", {a, b}); }
TensorId NetworkBuilder::mul(TensorId a, TensorId b) { return layer("Mul", {a, b}); }
TensorId NetworkBuilder::div(TensorId a, TensorId b) { return layer("Div", {a, b}); }

TensorId NetworkBuilder::concat(const std::vector<TensorId>& parts, std::int64_t axis) {
  return layer("Concat", parts, {{"axis", axis}});
}

TensorId NetworkBuilder::reshape(TensorId x, Shape wanted) {
  const Shape& from = shape(x);
  std::int64_t known = 1;
  int open = -1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == 0 && i < from.size()) wanted[i] = from[i];
    if (wanted[i] >= 0) {
      known *= wanted[i];
    } else {
      if (open >= 0) refuse("reshape: more than one extent of " + toString(wanted) + " is open");
      open = static_cast<int>(i);
    }
  }
  if (open >= 0) {
    if (known == 0 || elementCount(from) % known != 0)
      refuse("reshape: no extent makes " + toString(from) + " into " + toString(wanted));
    wanted[static_cast<std::size_t>(open)] = elementCount(from) / known;
  }
  return layer("Reshape", {x}, {{"shape", std::move(wanted)}});
}

TensorId NetworkBuilder::flatten(TensorId x) { return reshape(x, {shape(x).empty() ? 1 : shape(x)[0], -1}); }

TensorId NetworkBuilder::transpose(TensorId x, std::vector<std::int64_t> order) {
  return layer("Transpose", {x}, {{"perm", std::move(order)}});
}

TensorId NetworkBuilder::slice(TensorId x, std::vector<std::int64_t> starts,
                               std::vector<std::int64_t> sizes) {
  return layer("Slice", {x}, {{"starts", std::move(starts)}, {"sizes", std::move(sizes)}});
}

TensorId NetworkBuilder::pad(TensorId x, Padding around, double value) {
  const auto rank = spatialRank(x, "pad");
  const auto spatial = around.of(rank, "pad");
  std::vector<std::int64_t> pads(2 * (rank + 2), 0);
  for (std::size_t i = 0; i < rank; ++i) {
    pads[2 + i] = spatial[i];
    pads[rank + 4 + i] = spatial[rank + i];
  }
  return layer("Pad", {x}, {{"pads", std::move(pads)}, {"value", value}});
}

TensorId NetworkBuilder::resize(TensorId x, PerExtent size, ResizeOptions options) {
  const std::string name = nameFor("Resize", options.name);
  const auto rank = spatialRank(x, name.c_str());
  const auto spatial = size.of(rank, name + ": size");
  Shape sizes = shape(x);
  std::vector<double> scales(sizes.size(), 1);
  for (std::size_t i = 0; i < rank; ++i) {
    if (spatial[i] <= 0) refuse(name + ": the size " + toString(spatial) + " is not positive");
    scales[2 + i] = static_cast<double>(spatial[i]) / static_cast<double>(sizes[2 + i]);
    sizes[2 + i] = spatial[i];
  }
  return layer("Resize", {x},
               {{"sizes", std::move(sizes)},
                {"scales", std::move(scales)},
                {"mode", std::move(options.mode)},
                {"coordinate", std::move(options.coordinate)},
                {"antialias", std::int64_t{options.antialias}}},
               name);
}

TensorId NetworkBuilder::reduceMean(TensorId x, std::vector<std::int64_t> axes, bool keepExtents) {
  return layer(
      "Reduce", {x},
      {{"mode", std::string("mean")}, {"axes", std::move(axes)}, {"keepdims", std::int64_t{keepExtents}}});
}
TensorId NetworkBuilder::argMax(TensorId x, std::int64_t axis) {
  return layer("ArgReduce", {x}, {{"mode", std::string("max")}, {"axis", axis}});
}
TensorId NetworkBuilder::depthToSpace(TensorId x, std::int64_t block) {
  return layer("DepthToSpace", {x}, {{"block", block}, {"mode", std::string("DCR")}});
}

TensorId NetworkBuilder::layer(const std::string& op, std::vector<TensorId> inputs, Attributes attributes,
                               const std::string& name) {
  while (!inputs.empty() && inputs.back() == kNoTensor) inputs.pop_back();
  return graph_.add(op, name.empty() ? nameFor(op, {}) : name, std::move(inputs), std::move(attributes));
}

const Shape& NetworkBuilder::shape(TensorId value) const { return graph_.tensor(value).shape; }

Graph NetworkBuilder::build() const {
  if (graph_.outputs().empty()) refuse("network '" + graph_.name + "' has no output: name one with output()");
  Graph made = graph_;
  made.compact();
  made.verify();
  return made;
}

std::size_t NetworkBuilder::spatialRank(TensorId x, const char* what) const {
  const std::size_t rank = shape(x).size();
  if (rank < 3) refuse(std::string(what) + " needs N, C and spatial extents, and gets " + toString(shape(x)));
  return rank - 2;
}

std::string NetworkBuilder::nameFor(const std::string& op, const std::string& given) {
  return given.empty() ? op + std::to_string(++named_) : given;
}

std::vector<TensorId> NetworkBuilder::operands(TensorId x, Parameter weights, Parameter bias,
                                               const std::string& name) {
  return {x, parameter(std::move(weights), name + ".weights"), parameter(std::move(bias), name + ".bias")};
}

TensorId NetworkBuilder::parameter(Parameter value, const std::string& name) {
  if (std::holds_alternative<std::monostate>(value)) return kNoTensor;
  if (const auto* id = std::get_if<TensorId>(&value)) return *id;
  return graph_.addConstant(name, std::get<HostTensor>(std::move(value)));
}

}  // namespace tessera
