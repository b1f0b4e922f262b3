// ResNet-18 (He et al., "Deep Residual Learning for Image Recognition", 2015), written layer by layer and run
// once. The weights are random, as before training; a real program fills them from its own files.
#include <cmath>
#include <cstdio>
#include <random>
#include <tessera/tessera.hpp>

namespace {

using tessera::HostTensor;
using tessera::NetworkBuilder;
using tessera::TensorId;

std::mt19937 generator(18);

// Normal numbers that keep the size of values from layer to layer (He et al., 2015).
HostTensor weights(const tessera::Shape& shape) {
  HostTensor made(tessera::DataType::Float32, shape);
  const auto sumsOf = static_cast<float>(tessera::elementCount(shape) / shape[0]);
  std::normal_distribution<float> normal(0.0f, std::sqrt(2.0f / sumsOf));
  for (float& w : made.as<float>()) w = normal(generator);
  return made;
}

// A convolution without bias, and the normalisation that follows it: passes make one layer of both.
TensorId convolved(NetworkBuilder& net, TensorId x, std::int64_t channels, std::int64_t window,
                   std::int64_t stride) {
  x = net.convolution(x, weights({channels, net.shape(x)[1], window, window}),
                      {.stride = stride, .pad = window / 2});
  const auto all = [&](float value) {
    return HostTensor::of<float>({channels}, std::vector<float>(static_cast<std::size_t>(channels), value));
  };
  return net.batchNorm(x, all(1), all(0), all(0), all(1));
}

TensorId residualBlock(NetworkBuilder& net, TensorId x, std::int64_t channels, std::int64_t stride) {
  const bool sameShape = stride == 1 && net.shape(x)[1] == channels;
  const TensorId shortcut = sameShape ? x : convolved(net, x, channels, 1, stride);
  const TensorId first = net.relu(convolved(net, x, channels, 3, stride));
  return net.relu(net.add(convolved(net, first, channels, 3, 1), shortcut));
}

tessera::Graph resnet18() {
  NetworkBuilder net("resnet18");
  TensorId x = net.input("image", {1, 3, 224, 224});
  x = net.relu(convolved(net, x, 64, 7, 2));
  x = net.maxPool(x, 3, {.stride = 2, .pad = 1});
  for (const std::int64_t channels : {64, 128, 256, 512})
    for (const std::int64_t block : {0, 1})
      x = residualBlock(net, x, channels, block == 0 && channels > 64 ? 2 : 1);
  x = net.fullyConnected(net.globalAveragePool(x), weights({1000, 512}));
  net.output(net.softmax(x), "probabilities");
  return net.build();
}

}  // namespace

int main(int argc, char** argv) try {
  const auto device = tessera::Device::select(argc > 1 ? argv[1] : "");
  const auto engine = tessera::Engine::build(resnet18(), device);
  tessera::Context context(engine);

  HostTensor image(tessera::DataType::Float32, {1, 3, 224, 224});
  std::uniform_real_distribution<float> pixels(-1.0f, 1.0f);
  for (float& pixel : image.as<float>()) pixel = pixels(generator);

  const auto probabilities = context.run({{"image", image}}).at("probabilities");
  std::int64_t best = 0;
  double sum = 0;
  for (std::int64_t i = 0; i < probabilities.size(); ++i) {
    sum += probabilities.number(i);
    if (probabilities.number(i) > probabilities.number(best)) best = i;
  }
  std::printf("class %lld of %lld: probability %.4f; all of them: %.4f\n", static_cast<long long>(best),
              static_cast<long long>(probabilities.size()), probabilities.number(best), sum);
} catch (const tessera::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
