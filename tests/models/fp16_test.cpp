// Trained networks in half precision: what they answer, and half the memory.
#include "tessera/segmentation.hpp"
#include "tests/models/networks.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using test::Network;

SegmentedImage segment(const Network& network, const cv::Mat& image) {
  SegmentationOptions options;
  options.preprocess = network.preprocess;
  options.input = network.input;
  return Segmentation(network.engine, options).run(app::viewOf(image));
}

double share(std::size_t half, std::size_t floats) {
  return static_cast<double>(half) / static_cast<double>(floats);
}

void expectSamePixels(const SegmentedImage& a, const SegmentedImage& b) {
  ASSERT_EQ(a.map.size(), b.map.size());
  std::size_t equal = 0;
  for (std::size_t i = 0; i < a.map.size(); ++i) equal += a.map[i] == b.map[i];
  EXPECT_GE(static_cast<double>(equal), 0.995 * static_cast<double>(a.map.size()));
}

TEST(Fp16, EmbeddedNetworkSeesTheSameScenes) {
  const fs::path demo = test::sourceFolder() / "apps/segmenter/demo";
  const std::string model = (demo / "fcn8s_street.onnx").string();
  const Network floats = Network::load(model), half = Network::load(model, {}, Precision::Fp16);
  const MemoryUse a = half.engine->memory(), b = floats.engine->memory();
  EXPECT_LE(share(a.weights, b.weights), 0.52);
  EXPECT_LE(share(a.activations, b.activations), 0.52);
  for (const auto& file : app::listImages({(demo / "images").string()})) {
    const cv::Mat image = app::readImage(file.path);
    expectSamePixels(segment(half, image), segment(floats, image));
  }
}

TEST(Fp16, EspNetCityscapesClassMap) {
  TESSERA_NEEDS_SHARED();
  const auto shared = test::sharedFolder();
  const std::string model = (shared / "models/espnet/espnet_cityscapes_1x3x512x1024.onnx").string();
  const Network floats = Network::load(model), half = Network::load(model, {}, Precision::Fp16);
  const MemoryUse a = half.engine->memory(), b = floats.engine->memory();
  EXPECT_LE(share(a.weights, b.weights), 0.52);
  // In fp32 the last layer writes the output itself; in half its result stands beside the output.
  EXPECT_LE(share(a.activations, b.activations), 0.7);
  const cv::Mat image = app::readImage(shared / "images/cityscapes/frankfurt_000000_000294_leftImg8bit.png");
  expectSamePixels(segment(half, image), segment(floats, image));
}

TEST(Fp16, SqueezeNetSeesASoccerBall) {
  TESSERA_NEEDS_SHARED();
  const auto folder = test::sharedFolder() / "models/squeezenet";
  const std::string model =
      (folder / "squeezenet_v1.1.prototxt").string() + "," + (folder / "squeezenet_v1.1.caffemodel").string();
  const auto [word, probability] = test::squeezeNetAnswer(Network::load(model, {}, Precision::Fp16));
  EXPECT_NE(word.find("soccer ball"), std::string::npos) << word;
  EXPECT_NEAR(probability, 0.965, 0.005);
}

}  // namespace
}  // namespace tessera
