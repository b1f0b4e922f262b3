// Detectors on photos: the boxes of ONNX Runtime 1.32's outputs with a postprocessing in numpy, recorded
// here; FastestDet's from photos that OpenCV resized by area in 8 bits.
#include <gtest/gtest.h>

#include "apps/common/images.hpp"
#include "tessera/importer.hpp"
#include "tessera/presets.hpp"
#include "tessera/runner.hpp"
#include "tests/models/networks.hpp"

namespace tessera {
namespace {

/// The first boxes of a photo, by falling score, and how many there are.
struct Expected {
  std::string photo;
  std::size_t count;
  std::vector<DetectedObject> first;
};

Runner runnerOf(const std::string& model, const std::string& preset) {
  const Preset& how = presetOf(preset);
  RunnerOptions options;
  options.preprocess = how.preprocess;
  options.detection = how.detection;
  return Runner::load((test::sharedFolder() / "models" / model).string(), test::device(), options);
}

void expectBoxes(Runner& runner, const Expected& expected) {
  SCOPED_TRACE(expected.photo);
  const cv::Mat photo = app::readImage(test::sharedFolder() / "images" / expected.photo);
  const Answer answer = runner.run(app::viewOf(photo));
  EXPECT_EQ(answer.objects.size(), expected.count);
  ASSERT_GE(answer.objects.size(), expected.first.size());
  for (std::size_t i = 0; i < expected.first.size(); ++i) {
    EXPECT_EQ(answer.objects[i].index, expected.first[i].index) << i;
    EXPECT_NEAR(answer.objects[i].score, expected.first[i].score, 1e-3) << i;
    EXPECT_GE(overlapOf(answer.objects[i].box, expected.first[i].box), 0.99F) << i;
  }
}

TEST(FastestDet, FindsTheBoxesOfAnotherEngine) {
  TESSERA_NEEDS_SHARED();
  Runner runner = runnerOf("fastestdet/FastestDet.onnx", "fastestdet");
  expectBoxes(runner, {"coco/coco0.jpg",
                       5,
                       {{{182.08F, 0.00F, 242.88F, 116.22F}, 0, 0.8671F},
                        {{335.14F, 195.85F, 452.80F, 426.09F}, 0, 0.8571F},
                        {{273.73F, 298.22F, 476.44F, 448.34F}, 0, 0.8405F},
                        {{270.40F, 306.01F, 346.03F, 445.85F}, 0, 0.7489F},
                        {{397.79F, 185.26F, 466.82F, 226.76F}, 34, 0.6935F}}});
  expectBoxes(runner, {"coco/coco1.jpg", 1, {{{44.58F, 82.45F, 583.87F, 415.88F}, 5, 0.9600F}}});
  // One axis shrinks, the other grows: rounded floats would give the third box 0.8025.
  expectBoxes(runner, {"coco/coco3.jpg",
                       4,
                       {{{40.93F, 62.85F, 177.54F, 293.91F}, 0, 0.9021F},
                        {{288.75F, 141.66F, 482.95F, 297.16F}, 0, 0.8952F},
                        {{159.34F, 136.23F, 256.38F, 264.69F}, 0, 0.8006F},
                        {{230.71F, 138.52F, 323.40F, 277.03F}, 0, 0.7849F}}});
  expectBoxes(runner, {"coco/coco4.jpg",
                       2,
                       {{{80.97F, 94.38F, 623.83F, 424.00F}, 13, 0.6878F},
                        {{124.24F, 154.27F, 424.43F, 424.00F}, 16, 0.6506F}}});
}

// Boxes decoded by the network, and by the preset's priors.
TEST(UltraFace, FindsTheFacesOfAnotherEngine) {
  TESSERA_NEEDS_SHARED();
  for (const char* model : {"version-RFB-320.onnx", "version-RFB-320_without_postprocessing.onnx"}) {
    SCOPED_TRACE(model);
    Runner runner = runnerOf(std::string("ultraface/") + model, "ultraface");
    expectBoxes(runner, {"faces/10.jpg",
                         19,
                         {{{292.98F, 365.14F, 356.37F, 436.91F}, 1, 0.9998F},
                          {{219.12F, 226.53F, 265.94F, 285.95F}, 1, 0.9997F},
                          {{81.86F, 361.05F, 140.86F, 430.85F}, 1, 0.9994F},
                          {{232.40F, 52.28F, 281.79F, 111.28F}, 1, 0.9987F},
                          {{342.30F, 178.50F, 393.43F, 247.54F}, 1, 0.9982F},
                          {{616.03F, 79.14F, 658.99F, 133.40F}, 1, 0.9981F},
                          {{472.94F, 367.67F, 531.61F, 434.25F}, 1, 0.9979F},
                          {{98.09F, 223.19F, 148.42F, 277.80F}, 1, 0.9972F},
                          {{476.72F, 196.44F, 526.63F, 258.11F}, 1, 0.9971F},
                          {{631.95F, 242.47F, 675.87F, 294.90F}, 1, 0.9969F}}});
    expectBoxes(runner, {"faces/1.jpg",
                         46,
                         {{{251.14F, 55.15F, 273.23F, 84.36F}, 1, 0.9985F},
                          {{321.56F, 103.18F, 343.36F, 132.30F}, 1, 0.9977F},
                          {{483.48F, 53.90F, 505.24F, 80.57F}, 1, 0.9976F},
                          {{556.61F, 156.71F, 578.75F, 182.85F}, 1, 0.9960F},
                          {{444.53F, 73.79F, 469.29F, 106.13F}, 1, 0.9950F},
                          {{662.45F, 205.66F, 684.24F, 234.22F}, 1, 0.9940F},
                          {{605.56F, 216.41F, 628.42F, 245.56F}, 1, 0.9928F},
                          {{401.95F, 106.97F, 427.59F, 139.03F}, 1, 0.9922F}}});
  }
}

}  // namespace
}  // namespace tessera
