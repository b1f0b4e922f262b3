// Detectors on photos: the boxes of ONNX Runtime 1.32's outputs with a postprocessing in numpy, recorded
// here.
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
                       {{{182.10F, 0.00F, 242.86F, 116.20F}, 0, 0.8671F},
                        {{335.10F, 195.60F, 452.84F, 426.41F}, 0, 0.8575F},
                        {{273.50F, 298.31F, 476.64F, 448.38F}, 0, 0.8407F},
                        {{270.37F, 306.07F, 346.01F, 445.83F}, 0, 0.7473F},
                        {{397.69F, 185.28F, 466.69F, 226.82F}, 34, 0.6930F}}});
  expectBoxes(runner, {"coco/coco1.jpg", 1, {{{44.83F, 82.56F, 583.57F, 415.79F}, 5, 0.9597F}}});
  expectBoxes(runner, {"coco/coco3.jpg",
                       4,
                       {{{40.71F, 62.42F, 177.85F, 294.08F}, 0, 0.9006F},
                        {{288.70F, 141.57F, 484.14F, 296.86F}, 0, 0.8943F},
                        {{159.01F, 136.68F, 256.47F, 263.10F}, 0, 0.7964F},
                        {{230.20F, 138.96F, 323.34F, 276.54F}, 0, 0.7811F}}});
  expectBoxes(runner, {"coco/coco4.jpg",
                       2,
                       {{{80.43F, 94.36F, 624.03F, 424.00F}, 13, 0.6899F},
                        {{124.29F, 154.09F, 424.66F, 424.00F}, 16, 0.6550F}}});
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
