// Reference networks.
#include "bench/reference_networks.hpp"

#include "bench/net.hpp"

namespace tessera::bench {
namespace {

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
  static const std::vector<ReferenceNetwork> all{
      {"fcn8s", {3, 512, 1024}, fcn8s},
      {"resnet50", {3, 224, 224}, resnet50},
      {"vgg16", {3, 224, 224}, vgg16},
      {"squeezenet", {3, 227, 227}, squeezenet},
      {"mobilenet_v2", {3, 224, 224}, mobilenetV2},
      {"yolov8n", {3, 640, 640}, [](auto n) { return yolov8n(n, 640); }},
      {"yolox_nano", {3, 416, 416}, [](auto n) { return yoloxNano(n, 416); }}};
  return all;
}

}  // namespace tessera::bench
