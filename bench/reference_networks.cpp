// Reference networks.
#include "bench/reference_networks.hpp"

#include <cmath>

namespace tessera::bench {
namespace {

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
  TensorId globalAverage(const std::string& name, TensorId in) {
    return graph.add("GlobalPool", name, {in}, {{"mode", std::string("average")}});
  }
  TensorId dense(const std::string& name, TensorId in, std::int64_t outputs) {
    const Shape& shape = graph.tensor(in).shape;
    const std::int64_t inputs = elementCount(shape) / shape[0];
    return graph.add("FullyConnected", name, {in, weights(name, {outputs, inputs}), bias(name, outputs)});
  }
  TensorId add(const std::string& name, TensorId a, TensorId b) { return graph.add("Add", name, {a, b}); }
  TensorId concat(const std::string& name, std::vector<TensorId> inputs) {
    return graph.add("Concat", name, std::move(inputs), {{"axis", std::int64_t{1}}});
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

// VGG-16's convolutions; the outputs of its pools.
std::vector<TensorId> vggBody(Net& net) {
  std::vector<TensorId> pools;
  TensorId x = net.x;
  const std::vector<std::pair<int, std::int64_t>> blocks{{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}};
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const std::string block = std::to_string(b + 1);
    for (int i = 1; i <= blocks[b].first; ++i)
      x = net.convRelu("conv" + block + "_" + std::to_string(i), x, blocks[b].second, 3, 1, 1);
    x = net.maxPool("pool" + block, x, 2, 2, 0);
    pools.push_back(x);
  }
  return pools;
}

Graph fcn8s(std::int64_t batch) {
  Net net("fcn8s", {batch, 3, 512, 1024});
  const auto pools = vggBody(net);
  constexpr std::int64_t kClasses = 19;
  TensorId x = net.convRelu("fc6", pools[4], 4096, 7, 1, 3);
  x = net.convRelu("fc7", x, 4096, 1, 1, 0);
  x = net.deconv("upscore2", net.conv("score_fr", x, kClasses, 1, 1, 0), kClasses, 4, 2, 1);
  x = net.add("fuse_pool4", x, net.conv("score_pool4", pools[3], kClasses, 1, 1, 0));
  x = net.deconv("upscore_pool4", x, kClasses, 4, 2, 1);
  x = net.add("fuse_pool3", x, net.conv("score_pool3", pools[2], kClasses, 1, 1, 0));
  return net.finish("scores", net.deconv("upscore8", x, kClasses, 16, 8, 4));
}

Graph vgg16(std::int64_t batch) {
  Net net("vgg16", {batch, 3, 224, 224});
  TensorId x = vggBody(net).back();
  x = net.relu("fc6.relu", net.dense("fc6", x, 4096));
  x = net.relu("fc7.relu", net.dense("fc7", x, 4096));
  return net.finish("scores", net.dense("fc8", x, 1000));
}

Graph resnet50(std::int64_t batch) {
  Net net("resnet50", {batch, 3, 224, 224});
  TensorId x = net.maxPool("pool1", net.convRelu("conv1", net.x, 64, 7, 2, 3), 3, 2, 1);
  const std::vector<std::pair<int, std::int64_t>> stages{{3, 64}, {4, 128}, {6, 256}, {3, 512}};
  for (std::size_t s = 0; s < stages.size(); ++s)
    for (int b = 0; b < stages[s].first; ++b) {
      const std::string name = "res" + std::to_string(s + 2) + "_" + std::to_string(b);
      const std::int64_t width = stages[s].second, stride = b == 0 && s > 0 ? 2 : 1;
      const TensorId shortcut = b == 0 ? net.conv(name + ".shortcut", x, width * 4, 1, stride, 0) : x;
      TensorId y = net.convRelu(name + ".a", x, width, 1, 1, 0);
      y = net.convRelu(name + ".b", y, width, 3, stride, 1);  // v1.5: the stride is here
      y = net.conv(name + ".c", y, width * 4, 1, 1, 0);
      x = net.relu(name + ".relu", net.add(name + ".add", y, shortcut));
    }
  return net.finish("scores", net.dense("fc", net.globalAverage("pool5", x), 1000));
}

Graph squeezenet(std::int64_t batch) {
  Net net("squeezenet1.1", {batch, 3, 227, 227});
  TensorId x = net.maxPool("pool1", net.convRelu("conv1", net.x, 64, 3, 2, 0), 3, 2, 0, true);
  const auto fire = [&](const std::string& name, std::int64_t squeeze, std::int64_t expand) {
    const TensorId s = net.convRelu(name + ".squeeze1x1", x, squeeze, 1, 1, 0);
    x = net.concat(name + ".concat", {net.convRelu(name + ".expand1x1", s, expand, 1, 1, 0),
                                      net.convRelu(name + ".expand3x3", s, expand, 3, 1, 1)});
  };
  fire("fire2", 16, 64);
  fire("fire3", 16, 64);
  x = net.maxPool("pool3", x, 3, 2, 0, true);
  fire("fire4", 32, 128);
  fire("fire5", 32, 128);
  x = net.maxPool("pool5", x, 3, 2, 0, true);
  fire("fire6", 48, 192);
  fire("fire7", 48, 192);
  fire("fire8", 64, 256);
  fire("fire9", 64, 256);
  return net.finish("scores", net.globalAverage("pool10", net.convRelu("conv10", x, 1000, 1, 1, 0)));
}

Graph mobilenetV2(std::int64_t batch) {
  Net net("mobilenet_v2", {batch, 3, 224, 224});
  TensorId x = net.relu6("conv1.relu", net.conv("conv1", net.x, 32, 3, 2, 1));
  struct Stage {
    std::int64_t expand, channels;
    int repeats;
    std::int64_t stride;
  };
  const std::vector<Stage> stages{{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  int block = 0;
  for (const Stage& stage : stages)
    for (int i = 0; i < stage.repeats; ++i) {
      const std::string name = "block" + std::to_string(++block);
      const std::int64_t inputs = net.channels(x), hidden = inputs * stage.expand,
                         stride = i == 0 ? stage.stride : 1;
      TensorId y = x;
      if (stage.expand != 1)
        y = net.relu6(name + ".expand.relu", net.conv(name + ".expand", y, hidden, 1, 1, 0));
      y = net.relu6(name + ".depthwise.relu", net.conv(name + ".depthwise", y, hidden, 3, stride, 1, hidden));
      y = net.conv(name + ".project", y, stage.channels, 1, 1, 0);
      x = stride == 1 && inputs == stage.channels ? net.add(name + ".add", x, y) : y;
    }
  x = net.relu6("conv9.relu", net.conv("conv9", x, 1280, 1, 1, 0));
  return net.finish("scores", net.dense("fc", net.globalAverage("pool9", x), 1000));
}

}  // namespace

const std::vector<ReferenceNetwork>& referenceNetworks() {
  static const std::vector<ReferenceNetwork> all{{"fcn8s", {3, 512, 1024}, fcn8s},
                                                 {"resnet50", {3, 224, 224}, resnet50},
                                                 {"vgg16", {3, 224, 224}, vgg16},
                                                 {"squeezenet", {3, 227, 227}, squeezenet},
                                                 {"mobilenet_v2", {3, 224, 224}, mobilenetV2}};
  return all;
}

}  // namespace tessera::bench
