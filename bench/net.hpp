/// \file
/// What the reference networks are written with.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera::bench {

/// Writes down a network layer by layer; every weight tensor follows from its name alone.
class Net {
 public:
  Net(const std::string& name, Shape input) {
    graph.name = name;
    x = graph.addInput("input", DataType::Float32, std::move(input));
  }

  Graph graph;
  TensorId x;

  std::int64_t channels(TensorId t) const { return graph.tensor(t).shape[1]; }

  TensorId conv(const std::string& name, TensorId in, std::int64_t outputs, std::int64_t kernel,
                std::int64_t stride, std::int64_t pad, std::int64_t group = 1) {
    const TensorId w = weights(name, {outputs, channels(in) / group, kernel, kernel});
    return graph.add(
        "Convolution", name, {in, w, bias(name, outputs)},
        {{"strides", ints({stride, stride})}, {"pads", ints({pad, pad, pad, pad})}, {"group", group}});
  }
  TensorId deconv(const std::string& name, TensorId in, std::int64_t outputs, std::int64_t kernel,
                  std::int64_t stride, std::int64_t pad) {
    return graph.add("Deconvolution", name, {in, weights(name, {channels(in), outputs, kernel, kernel})},
                     {{"strides", ints({stride, stride})}, {"pads", ints({pad, pad, pad, pad})}});
  }
  TensorId relu(const std::string& name, TensorId in) { return graph.add("Relu", name, {in}); }
  TensorId relu6(const std::string& name, TensorId in) {
    return graph.add("Clip", name, {in}, {{"alpha", 0.0}, {"beta", 6.0}});
  }
  TensorId convRelu(const std::string& name, TensorId in, std::int64_t outputs, std::int64_t kernel,
                    std::int64_t stride, std::int64_t pad) {
    return relu(name + ".relu", conv(name, in, outputs, kernel, stride, pad));
  }
  TensorId maxPool(const std::string& name, TensorId in, std::int64_t kernel, std::int64_t stride,
                   std::int64_t pad, bool ceil = false) {
    return graph.add("Pool", name, {in},
                     {{"mode", std::string("max")},
                      {"kernel", ints({kernel, kernel})},
                      {"strides", ints({stride, stride})},
                      {"pads", ints({pad, pad, pad, pad})},
                      {"ceil_mode", std::int64_t{ceil}}});
  }
  /// As exporters write it: the product with a Sigmoid of its own.
  TensorId silu(const std::string& name, TensorId in) {
    return graph.add("Mul", name + ".mul", {in, graph.add("Sigmoid", name + ".sigmoid", {in})});
  }
  TensorId convSilu(const std::string& name, TensorId in, std::int64_t outputs, std::int64_t kernel,
                    std::int64_t stride = 1, std::int64_t group = 1) {
    return silu(name, conv(name, in, outputs, kernel, stride, kernel / 2, group));
  }
  TensorId upsample(const std::string& name, TensorId in) {
    const Shape& s = graph.tensor(in).shape;
    return graph.add("Resize", name, {in},
                     {{"sizes", ints({s[0], s[1], 2 * s[2], 2 * s[3]})},
                      {"mode", std::string("nearest")},
                      {"coordinate", std::string("asymmetric")},
                      {"nearest", std::string("floor")}});
  }
  /// `count` entries of an axis from `start` on, every `step`-th.
  TensorId slice(const std::string& name, TensorId in, std::size_t axis, std::int64_t start,
                 std::int64_t count, std::int64_t step = 1) {
    Shape sizes = graph.tensor(in).shape;
    std::vector<std::int64_t> starts(sizes.size(), 0), steps(sizes.size(), 1);
    starts[axis] = start, sizes[axis] = count, steps[axis] = step;
    return graph.add("Slice", name, {in}, {{"starts", starts}, {"sizes", sizes}, {"steps", steps}});
  }
  TensorId reshape(const std::string& name, TensorId in, Shape shape) {
    return graph.add("Reshape", name, {in}, {{"shape", std::move(shape)}});
  }
  TensorId transpose(const std::string& name, TensorId in, std::vector<std::int64_t> perm) {
    return graph.add("Transpose", name, {in}, {{"perm", std::move(perm)}});
  }
  TensorId softmax(const std::string& name, TensorId in, std::int64_t axis) {
    return graph.add("Softmax", name, {in}, {{"axis", axis}});
  }
  TensorId values(const std::string& name, HostTensor tensor) {
    return graph.addConstant(name, std::move(tensor));
  }
  TensorId globalAverage(const std::string& name, TensorId in) {
    return graph.add("GlobalPool", name, {in}, {{"mode", std::string("average")}});
  }
  TensorId dense(const std::string& name, TensorId in, std::int64_t outputs) {
    const Shape& shape = graph.tensor(in).shape;
    const std::int64_t inputs = elementCount(shape) / shape[0];
    return graph.add("FullyConnected", name, {in, weights(name, {outputs, inputs}), bias(name, outputs)});
  }
  TensorId binary(const std::string& op, const std::string& name, TensorId a, TensorId b) {
    return graph.add(op, name, {a, b});
  }
  TensorId add(const std::string& name, TensorId a, TensorId b) { return binary("Add", name, a, b); }
  TensorId concat(const std::string& name, std::vector<TensorId> inputs, std::int64_t axis = 1) {
    return graph.add("Concat", name, std::move(inputs), {{"axis", axis}});
  }
  Graph finish(const std::string& name, TensorId out) {
    graph.markOutput(graph.add("Identity", name, {out}, {}, {name}));
    return std::move(graph);
  }

 private:
  static std::vector<std::int64_t> ints(std::vector<std::int64_t> values) { return values; }

  // Uniform, scaled so that activations neither grow nor fade through many layers.
  TensorId weights(const std::string& name, Shape shape) {
    const double fanIn = static_cast<double>(elementCount(shape) / shape[0]);
    return constant(name + ".weight", std::move(shape), static_cast<float>(std::sqrt(6.0 / fanIn)));
  }
  TensorId bias(const std::string& name, std::int64_t count) {
    return constant(name + ".bias", {count}, 0.05f);
  }
  TensorId constant(const std::string& name, Shape shape, float range) {
    std::uint64_t state =
        0xcbf29ce484222325;  // FNV-1a of the name seeds a 64-bit linear congruential generator
    for (const char c : name) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    HostTensor tensor(DataType::Float32, std::move(shape));
    for (float& value : tensor.as<float>()) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      value = range * (static_cast<float>(state >> 40) * (2.0f / 16777216.0f) - 1.0f);
    }
    return graph.addConstant(name, std::move(tensor));
  }
};

}  // namespace tessera::bench
