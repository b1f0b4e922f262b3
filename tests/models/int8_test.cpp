// Trained networks keep their answers in INT8, calibrated on images by the default method.
#include <cmath>
#include <fstream>

#include "apps/common/labels.hpp"
#include "apps/segmenter/annotations.hpp"
#include "apps/segmenter/score.hpp"
#include "calib/images/image_batch_stream.hpp"
#include "tessera/segmentation.hpp"
#include "tests/models/networks.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Network;

Network loadInt8(const std::string& model, const std::vector<std::string>& images, int limit,
                 const fs::path& sidecarFile = {}) {
  const auto sidecar =
      app::Sidecar::read(sidecarFile.empty() ? app::findSidecar(model).value() : sidecarFile);
  const Graph graph = app::loadModel(model, 1);
  const GraphTensor& input = graph.tensor(graph.inputs()[0]);
  ImageBatchOptions stream{input.name, sidecar.preprocess, 1, limit};
  stream.preprocess.height = input.shape[2];
  stream.preprocess.width = input.shape[3];
  ImageBatchStream source(calibrationImages(images), stream);
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = calibrate(graph, test::device(), source).calibration;
  return {Engine::build(graph, test::device(), options), sidecar.preprocess, sidecar.input};
}

double shareInInt8(const Engine& engine) {
  double all = 0, coded = 0;
  for (const LayerPrecision& layer : engine.precisions()) {
    all += layer.multiplyAdds;
    if (layer.precision == Precision::Int8) coded += layer.multiplyAdds;
  }
  return coded / all;
}

double meanIou(const Network& network, const fs::path& images, const fs::path& labels) {
  SegmentationOptions options;
  options.preprocess = network.preprocess;
  options.input = network.input;
  Segmentation segment(network.engine, options);
  const app::LabelSet classes = app::loadLabels("camvid");
  const app::Annotations annotations(labels, classes);
  app::Confusion confusion(classes.scored());
  for (const auto& file : app::listImages({images.string()})) {
    const cv::Mat image = app::readImage(file.path),
                  wanted = annotations.read(annotations.find(file.path).value());
    confusion.add({wanted.data, wanted.total()}, segment.run(app::viewOf(image)).classes);
  }
  return confusion.meanIou();
}

TEST(Int8, EmbeddedNetworkKeepsItsScore) {
  const fs::path demo = test::sourceFolder() / "apps/segmenter/demo";
  const std::string model = (demo / "fcn8s_street.onnx").string();
  const Network network = loadInt8(model, {(demo / "calibration").string()}, 30);
  EXPECT_GE(shareInInt8(*network.engine), 0.9);
  EXPECT_GE(meanIou(network, demo / "images", demo / "images/labels"),
            meanIou(Network::load(model), demo / "images", demo / "images/labels") - 0.003);
}

TEST(Int8, EmbeddedNetworkTakesThreeTenthsOfTheMemory) {
  const fs::path demo = test::sourceFolder() / "apps/segmenter/demo";
  const std::string model = (demo / "fcn8s_street.onnx").string();
  const MemoryUse codes = loadInt8(model, {(demo / "calibration").string()}, 3).engine->memory();
  const MemoryUse floats = Network::load(model).engine->memory();
  EXPECT_LE(static_cast<double>(codes.weights), 0.3 * static_cast<double>(floats.weights));
  EXPECT_LE(static_cast<double>(codes.activations), 0.3 * static_cast<double>(floats.activations));
  EXPECT_EQ(codes.bindings, floats.bindings);
}

TEST(Int8, EspNetKeepsItsScoreOnCamVid) {
  TESSERA_NEEDS_SHARED();
  const auto shared = test::sharedFolder();
  const Network network = loadInt8((shared / "models/espnet/espnet_camvid_1x3x360x480.onnx").string(),
                                   {(shared / "camvid/train").string()}, 100);
  EXPECT_GE(shareInInt8(*network.engine), 0.9);
  EXPECT_GE(meanIou(network, shared / "camvid/val", shared / "camvid/valannot"), 0.696);
}

TEST(Int8, SqueezeNetStillSeesASoccerBall) {
  TESSERA_NEEDS_SHARED();
  const auto shared = test::sharedFolder(), folder = shared / "models/squeezenet";
  const Network network = loadInt8(
      (folder / "squeezenet_v1.1.prototxt").string() + "," + (folder / "squeezenet_v1.1.caffemodel").string(),
      {(shared / "images/coco").string(), (shared / "images/faces").string()}, 0);
  const auto [word, probability] = test::squeezeNetAnswer(network);
  EXPECT_NE(word.find("soccer ball"), std::string::npos) << word;
  EXPECT_NEAR(probability, 0.965, 0.05);
}

// Boxes that fp32 is sure of are found by INT8 in the same place, and no others.
TEST(Int8, UltraFaceFindsTheSameFaces) {
  TESSERA_NEEDS_SHARED();
  const auto shared = test::sharedFolder(), folder = shared / "models/ultraface";
  const std::string model = (folder / "version-RFB-320_without_postprocessing.onnx").string();
  const Network exact = Network::load(model, folder / "RFB-320.json");
  const Network coded =
      loadInt8(model, {(shared / "images/faces").string(), (shared / "images/coco").string()}, 0,
               folder / "RFB-320.json");
  for (const auto& file : app::listImages({(shared / "images/faces").string()})) {
    const auto a = exact.run(file.path), b = coded.run(file.path);
    const auto x = a.at("scores").as<float>(), y = b.at("scores").as<float>();
    const auto p = a.at("boxes").as<float>(), q = b.at("boxes").as<float>();
    int sure = 0;
    for (std::size_t i = 0; i * 2 + 1 < x.size(); ++i) {
      if (y[i * 2 + 1] > 0.9f) {
        EXPECT_GT(x[i * 2 + 1], 0.5f) << "a face that fp32 does not see: " << i;
      }
      if (x[i * 2 + 1] < 0.9f) continue;
      ++sure;
      EXPECT_GT(y[i * 2 + 1], 0.5f) << file.path << " anchor " << i;
      for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(p[i * 4 + k], q[i * 4 + k], 0.5f) << "box " << i;
    }
    EXPECT_GE(sure, 1) << file.path;
  }
}

}  // namespace
}  // namespace tessera
