// Trained networks of other kinds, from both importers.
#include <cmath>
#include <fstream>

#include "tests/models/networks.hpp"

namespace tessera {
namespace {

using test::Network;

TEST(SqueezeNet, SeesASoccerBall) {
  TESSERA_NEEDS_SHARED();
  const auto folder = test::sharedFolder() / "models/squeezenet";
  const Network network = Network::load((folder / "squeezenet_v1.1.prototxt").string() + "," +
                                        (folder / "squeezenet_v1.1.caffemodel").string());
  const auto [word, probability] = test::squeezeNetAnswer(network);
  EXPECT_NE(word.find("soccer ball"), std::string::npos) << word;
  EXPECT_NEAR(probability, 0.965, 0.002);
}

TEST(UltraFace, CaffeAndOnnxAgree) {
  TESSERA_NEEDS_SHARED();
  const auto folder = test::sharedFolder() / "models/ultraface";
  const Network caffe =
      Network::load((folder / "RFB-320.prototxt").string() + "," + (folder / "RFB-320.caffemodel").string());
  const Network onnx = Network::load((folder / "version-RFB-320_without_postprocessing.onnx").string(),
                                     folder / "RFB-320.json");
  const auto image = test::sharedFolder() / "images/faces/1.jpg";
  const auto a = caffe.run(image), b = onnx.run(image);
  for (const char* name : {"scores", "boxes"}) {
    const auto x = a.at(name).as<float>(), y = b.at(name).as<float>();
    ASSERT_EQ(x.size(), y.size()) << name;
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(x[i] - y[i])));
    EXPECT_LE(worst, 1e-4) << name;
  }
}

}  // namespace
}  // namespace tessera
