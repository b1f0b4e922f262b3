/// \file
/// Trained networks and what is fed to them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "apps/common/images.hpp"
#include "apps/common/model.hpp"
#include "launch/device_ops.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/support.hpp"

namespace tessera::test {

namespace fs = std::filesystem;

/// Skips the test where the folder of models and images is absent.
#define TESSERA_NEEDS_SHARED()                                            \
  if (!std::filesystem::exists(tessera::test::sharedFolder() / "models")) \
  GTEST_SKIP() << "no models and images in " << tessera::test::sharedFolder() << " (TESSERA_SHARED)"

/// An engine and the image preprocessing of its sidecar.
struct Network {
  std::shared_ptr<const Engine> engine;
  ImagePreprocess preprocess;
  std::string input;

  static Network load(const std::string& model, const fs::path& sidecarFile = {},
                      Precision precision = Precision::Fp32) {
    const auto sidecar =
        app::Sidecar::read(sidecarFile.empty() ? app::findSidecar(model).value() : sidecarFile);
    EngineOptions options;
    options.precision = precision;
    return {Engine::build(app::loadModel(model, 1), test::device(), options), sidecar.preprocess,
            sidecar.input};
  }

  /// Every output for an image file, preprocessed by the operator's reference.
  TensorMap run(const fs::path& image) const {
    const cv::Mat pixels = app::readImage(image);
    HostTensor x(DataType::UInt8, {1, pixels.rows, pixels.cols, 3});
    std::copy(pixels.data, pixels.data + x.data.size(), x.as<std::uint8_t>().begin());
    const OpView view = inferredView("ImagePreprocess", preprocess.attributes(), {{x.type, x.shape, {}}});
    Context context(engine);
    return context.run({{input, referenceOutputs(view, {x})[0]}});
  }
};

/// The name of SqueezeNet's best class for the shared photo of a soccer ball, and its probability.
inline std::pair<std::string, float> squeezeNetAnswer(const Network& network) {
  const auto outputs = network.run(sharedFolder() / "images/coco/coco3.jpg");
  const auto probabilities = outputs.at("prob").as<float>();
  const auto best = std::max_element(probabilities.begin(), probabilities.end());
  std::ifstream words(sharedFolder() / "models/squeezenet/synset_words.txt");
  std::string word;
  for (auto i = probabilities.begin(); i <= best; ++i) std::getline(words, word);
  return {word, *best};
}

}  // namespace tessera::test
