// Trained segmentation networks give the class maps and scores that an independent engine gives.
#include <opencv2/imgproc.hpp>

#include "apps/segmenter/annotations.hpp"
#include "apps/segmenter/score.hpp"
#include "tessera/segmentation.hpp"
#include "tests/models/networks.hpp"
#include "tests/support/support.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using app::Annotations;
using app::Confusion;
using test::Network;

Segmentation segmentation(const Network& network) {
  SegmentationOptions options;
  options.preprocess = network.preprocess;
  options.input = network.input;
  return {network.engine, options};
}

Confusion score(const Network& network, const fs::path& images, const fs::path& labels,
                const std::string& set) {
  Segmentation segment = segmentation(network);
  const app::LabelSet classes = app::loadLabels(set);
  const Annotations annotations(labels, classes);
  Confusion confusion(classes.scored());
  for (const auto& file : app::listImages({images.string()})) {
    const cv::Mat image = app::readImage(file.path),
                  wanted = annotations.read(annotations.find(file.path).value());
    confusion.add({wanted.data, wanted.total()}, segment.run(app::viewOf(image)).classes);
  }
  return confusion;
}

TEST(EspNet, CamVidScores) {
  TESSERA_NEEDS_SHARED();
  const auto shared = test::sharedFolder();
  const Network network = Network::load((shared / "models/espnet/espnet_camvid_1x3x360x480.onnx").string());
  const Confusion confusion = score(network, shared / "camvid/val", shared / "camvid/valannot", "camvid");
  EXPECT_NEAR(confusion.meanIou(), 0.6991, 0.0005);
  EXPECT_NEAR(confusion.pixelAccuracy(), 0.9264, 0.0005);
}

TEST(EspNet, CityscapesClassMap) {
  TESSERA_NEEDS_SHARED();
  const auto shared = test::sharedFolder();
  const Network network =
      Network::load((shared / "models/espnet/espnet_cityscapes_1x3x512x1024.onnx").string());
  const cv::Mat image = app::readImage(shared / "images/cityscapes/frankfurt_000000_000294_leftImg8bit.png");
  const cv::Mat wanted =
      app::readImageUnchanged(shared / "models/espnet/frankfurt_000000_000294_espnet_fp32_argmax.png");
  SegmentedImage result = segmentation(network).run(app::viewOf(image));
  ASSERT_EQ(result.mapHeight, wanted.rows);
  ASSERT_EQ(result.mapWidth, wanted.cols);
  const cv::Mat map(wanted.rows, wanted.cols, CV_8UC1, result.map.data());
  EXPECT_GE(cv::countNonZero(map == wanted), 0.999 * static_cast<double>(wanted.total()));
  // The class map at the image's size is the same one, each class twice as wide and high.
  const cv::Mat classes(image.rows, image.cols, CV_8UC1, result.classes.data());
  cv::Mat doubled;
  cv::resize(map, doubled, image.size(), 0, 0, cv::INTER_NEAREST);
  EXPECT_EQ(cv::norm(classes, doubled, cv::NORM_INF), 0);
}

TEST(EmbeddedNetwork, OnnxAndCaffeGiveTheSameMaps) {
  const fs::path demo = test::sourceFolder() / "apps/segmenter/demo";
  const Network onnx = Network::load((demo / "fcn8s_street.onnx").string());
  const Network caffe = Network::load((demo / "fcn8s_street.prototxt").string() + "," +
                                      (demo / "fcn8s_street.caffemodel").string());
  Segmentation a = segmentation(onnx), b = segmentation(caffe);
  for (const auto& file : app::listImages({(demo / "images").string()})) {
    const cv::Mat image = app::readImage(file.path);
    EXPECT_EQ(a.run(app::viewOf(image)).map, b.run(app::viewOf(image)).map) << file.path;
  }
}

TEST(EmbeddedNetwork, KnowsTheEmbeddedScenes) {
  const fs::path demo = test::sourceFolder() / "apps/segmenter/demo";
  const Network network = Network::load((demo / "fcn8s_street.onnx").string());
  const Confusion confusion = score(network, demo / "images", demo / "images/labels", "camvid");
  EXPECT_GE(confusion.meanIou(), 0.70);
  EXPECT_GE(confusion.pixelAccuracy(), 0.92);
}

}  // namespace
}  // namespace tessera
