// The network of the pinned checksums.
#include "tests/support/int8_network.hpp"

#include <cmath>
#include <random>

#include "graph/evaluate.hpp"

namespace tessera::test {
namespace {

using List = std::vector<std::int64_t>;

struct Builder {
  Graph graph;
  unsigned seed = 100;

  TensorId constant(Shape shape, float span) {
    ++seed;
    return graph.addConstant("c" + std::to_string(seed), portableRandom(std::move(shape), seed, -span, span));
  }
  // A multiplier per channel, of very different sizes.
  TensorId uneven(std::int64_t channels) {
    ++seed;
    HostTensor t = portableRandom({channels, 1, 1}, seed, 0.5f, 1);
    for (std::int64_t c = 0; c < channels; ++c) t.as<float>()[c] *= std::exp2(static_cast<float>(-(c % 5)));
    return graph.addConstant("c" + std::to_string(seed), std::move(t));
  }
  const Shape& shapeOf(TensorId id) const { return graph.tensor(id).shape; }

  struct Conv {
    List strides{1, 1}, dilations{1, 1}, pads;
    std::int64_t group = 1;
    std::string activation;
    double alpha = 0, beta = 0;
    TensorId residual = kNoTensor;
  };
  TensorId window(const char* op, const char* name, TensorId x, Shape weights, const Conv& c) {
    const std::int64_t taps = weights[1] * weights[2] * weights[3];
    const std::int64_t outputs = std::string(op) == "Deconvolution" ? weights[1] * c.group : weights[0];
    const float span = 1.5f / std::sqrt(static_cast<float>(taps));
    std::vector<TensorId> inputs{x, constant(weights, span), constant({outputs}, 0.2f)};
    if (c.residual != kNoTensor || c.activation == "PRelu") inputs.push_back(c.residual);
    if (c.activation == "PRelu") inputs.push_back(constant({outputs}, 0.5f));
    Attributes attrs{{"strides", c.strides}, {"dilations", c.dilations}, {"group", c.group}};
    List pads = c.pads;
    if (pads.empty())
      pads = {weights[2] / 2 * c.dilations[0], weights[3] / 2 * c.dilations[1],
              weights[2] / 2 * c.dilations[0], weights[3] / 2 * c.dilations[1]};
    attrs.set("pads", pads);
    if (!c.activation.empty()) attrs.set("activation", c.activation);
    if (c.alpha != 0) attrs.set("alpha", c.alpha);
    if (c.beta != 0) attrs.set("beta", c.beta);
    return graph.add(op, name, inputs, attrs);
  }
  TensorId conv(const char* name, TensorId x, Shape weights, const Conv& c) {
    return window("Convolution", name, x, std::move(weights), c);
  }
  TensorId deconv(const char* name, TensorId x, Shape weights, const Conv& c) {
    return window("Deconvolution", name, x, std::move(weights), c);
  }
};

// Batch norms after concats, one of which adds a residual: members keep their scales, the chains' channels
// have their own. One member stays in floats and is encoded for the concat. `first` is a convolution of `x`.
void addNormsOfConcats(Builder& b, TensorId x, TensorId first) {
  Graph& g = b.graph;
  const auto mean = g.add(
      "Pool", "mean", {x},
      {{"mode", "average"}, {"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}});
  const auto top =
      g.add("Pool", "top", {x},
            {{"mode", "max"}, {"kernel", List{3, 3}}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}});
  const auto left = b.conv("left", first, {15, 20, 1, 1}, {});
  const auto joined = g.add("Concat", "joined", {left, mean, top}, {{"axis", 1}});
  const auto normal =
      g.add("Pointwise", "normal",
            {joined, b.uneven(21), b.constant({21, 1, 1}, 0.1f), b.constant({21, 1, 1}, 0.5f)},
            {{"expression", "t0=Mul(x0,x1);t1=Add(t0,x2);t2=PRelu(t1,x3)"}});
  const auto small = b.conv("small", normal, {9, 21, 1, 1}, {});
  const auto near = b.conv("near", small, {9, 9, 3, 3}, {}),
             far = b.conv("far", small, {12, 9, 3, 3}, {.dilations = {2, 2}});
  const auto branches = g.add("Concat", "branches", {near, far}, {{"axis", 1}});
  const auto block =
      g.add("Pointwise", "block", {normal, branches, b.uneven(21), b.constant({21, 1, 1}, 0.1f)},
            {{"expression", "t0=Add(x0,x1);t1=Mul(t0,x2);t2=Add(t1,x3);t3=Relu(t2)"}});
  const auto both = g.add("Concat", "both", {block, normal}, {{"axis", 1}});
  const auto last = g.add("Pointwise", "last", {both, b.uneven(42), b.constant({42, 1, 1}, 0.1f)},
                          {{"expression", "t0=Mul(x0,x1);t1=Add(t0,x2)"}});
  g.markOutput(b.deconv("map", last, {42, 4, 2, 2}, {.strides = {2, 2}, .pads = {0, 0, 0, 0}}));
}

// Activations and gates that are functions of common/defined_math.cl, on codes and in epilogues.
void addCurves(Builder& b, TensorId first) {
  Graph& g = b.graph;
  TensorId x = first;
  for (const char* curve : {"Silu", "Mish", "Gelu", "GeluTanh", "Elu", "Selu", "Softplus", "Tanh"})
    x = b.conv((std::string("curve_") + curve).c_str(), x, {20, 20, 1, 1}, {.activation = curve});
  const auto squeezed = g.add("GlobalPool", "squeezed", {x}, {{"mode", "average"}});
  const auto excited = b.conv("excited", squeezed, {20, 20, 1, 1}, {.activation = "Sigmoid"});
  const auto gated = g.add("Mul", "gated", {x, excited});
  const auto bounded = g.add("Pointwise", "bounded", {gated, x},
                             {{"expression", "t0=Exp(x0);t1=Erf(x1);t2=Mul(t0,t1);t3=HardSigmoid(t2)"}});
  const auto logarithm = g.add("Log", "logarithm", {bounded});
  g.markOutput(b.conv("curves", logarithm, {6, 20, 1, 1}, {.activation = "Sigmoid"}));
}

}  // namespace

HostTensor portableRandom(Shape shape, unsigned seed, float low, float high) {
  std::mt19937 random(seed);
  HostTensor t(DataType::Float32, std::move(shape));
  for (float& v : t.as<float>()) v = low + (high - low) * (static_cast<float>(random() >> 8) * 0x1p-24f);
  return t;
}

Graph int8Network() {
  Builder b;
  Graph& g = b.graph;
  g.name = "int8 network";
  const TensorId x = g.addInput("x", DataType::Float32, {2, 3, 37, 31});
  const auto first = b.conv("first", x, {20, 3, 3, 3}, {.strides = {2, 2}, .activation = "Relu"});  // 19 x 16
  const auto seven =
      b.conv("seven", x, {9, 3, 7, 7}, {.strides = {2, 2}, .activation = "LeakyRelu", .alpha = 0.1});
  const auto dilated = b.conv("dilated", first, {24, 20, 3, 3}, {.dilations = {2, 3}, .activation = "PRelu"});
  const auto grouped = b.conv("grouped", dilated, {24, 6, 3, 3}, {.group = 4, .activation = "HardSwish"});
  const auto depthwise = b.conv("depthwise", grouped, {24, 1, 3, 3}, {.group = 24, .activation = "Relu"});
  const auto residual =
      b.conv("residual", depthwise, {24, 24, 1, 1}, {.activation = "Relu", .residual = grouped});
  const auto cat = g.add("Concat", "cat", {residual, seven}, {{"axis", 1}});
  const auto pool =
      g.add("Pool", "pool", {cat},
            {{"mode", "max"}, {"kernel", List{2, 2}}, {"strides", List{2, 2}}, {"ceil_mode", 1}});
  const auto wide = b.conv("wide", pool, {40, 33, 5, 5}, {.activation = "Clip", .alpha = -0.5, .beta = 0.75});
  const auto average = g.add(
      "Pool", "average", {wide},
      {{"mode", "average"}, {"kernel", List{3, 3}}, {"strides", List{1, 1}}, {"pads", List{1, 1, 1, 1}}});
  const auto sum = g.add("Add", "sum", {average, wide});
  const auto stride = b.conv("stride", sum, {36, 40, 3, 3}, {.strides = {3, 1}});
  const auto resized = g.add("Resize", "resized", {stride},
                             {{"sizes", List{2, 36, 8, 16}},
                              {"mode", "nearest"},
                              {"coordinate", "asymmetric"},
                              {"nearest", "floor"}});
  const auto up = b.deconv("up", resized, {36, 18, 4, 4},
                           {.strides = {2, 2}, .pads = {1, 1, 1, 1}, .activation = "Relu"});
  const auto part =
      g.add("Slice", "part", {up}, {{"starts", List{0, 2, 1, 3}}, {"sizes", List{2, 15, 14, 27}}});
  const auto padded =
      g.add("Pad", "padded", {part}, {{"pads", List{0, 0, 1, 0, 0, 0, 1, 2}}, {"mode", "constant"}});
  const auto upGrouped =
      b.deconv("up_grouped", padded, {15, 4, 3, 2}, {.strides = {1, 2}, .pads = {0, 0, 0, 0}, .group = 3});
  g.markOutput(b.conv("scores", upGrouped, {5, 12, 3, 3}, {.activation = "LeakyRelu", .alpha = 0.2}));
  const auto global = g.add("GlobalPool", "global", {wide}, {{"mode", "average"}});
  const auto flat = g.add("Reshape", "flat", {global}, {{"shape", List{2, 40}}});
  const auto hidden =
      g.add("FullyConnected", "hidden", {flat, b.constant({70, 40}, 0.3f), b.constant({70}, 0.2f)},
            {{"activation", "Relu"}});
  g.markOutput(
      g.add("FullyConnected", "classes", {hidden, b.constant({11, 70}, 0.3f), b.constant({11}, 0.2f)}));
  addNormsOfConcats(b, x, first);
  addCurves(b, first);
  g.verify();
  return std::move(g);
}

std::map<std::string, HostTensor> int8NetworkInput() {
  return {{"x", portableRandom({2, 3, 37, 31}, 7, -2, 2)}};
}

Calibration calibrationOf(const Graph& network, const std::map<std::string, HostTensor>& inputs) {
  Calibration calibration;
  const auto names = tensorsToCalibrate(network);
  std::vector<TensorId> ids;
  for (const auto& name : names) ids.push_back(network.findTensor(name));
  const auto values = evaluateTensors(network, inputs, ids);
  for (std::size_t i = 0; i < names.size(); ++i) {
    float top = 0;
    for (const float v : values[i].as<float>()) top = std::max(top, std::abs(v));
    calibration.scales[names[i]] = std::exp2(std::ceil(std::log2(top * 0.6f))) / 127.0f;
  }
  for (const auto& name : tensorsWithChannelScales(network)) {
    const auto value = evaluateTensors(network, inputs, {network.findTensor(name)})[0];
    const std::int64_t channels = value.shape[1], plane = value.size() / (value.shape[0] * channels);
    auto& peaks = calibration.channelPeaks[name];
    peaks.resize(channels, 0);
    for (std::int64_t i = 0; i < value.size(); ++i) {
      float& peak = peaks[i / plane % channels];
      peak = std::max(peak, std::abs(value.as<float>()[i]));
    }
  }
  return calibration;
}

}  // namespace tessera::test
