// Names what a picture shows with an ImageNet classifier such as ResNet-50, in fp32 and in fp16.
#include <cmath>
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <tessera/presets.hpp>
#include <tessera/tessera.hpp>

int main(int argc, char** argv) try {
  if (argc < 3) return std::fprintf(stderr, "usage: %s model.onnx picture [device]\n", argv[0]), 2;
  const auto device = tessera::Device::select(argc > 3 ? argv[3] : "");
  const cv::Mat picture = cv::imread(argv[2], cv::IMREAD_COLOR);
  if (picture.empty()) return std::fprintf(stderr, "%s is no picture\n", argv[2]), 1;
  const tessera::ImageView view{picture.data, picture.rows, picture.cols};

  tessera::RunnerOptions options;
  options.preprocess = tessera::presetOf("torchvision-classification").preprocess;
  options.classification.emplace();  // the five most likely classes

  const auto answerIn = [&](tessera::Precision precision) {
    tessera::EngineOptions engine;
    engine.precision = precision;
    return tessera::Runner::load(argv[1], device, options, engine).run(view).classes;
  };
  const auto single = answerIn(tessera::Precision::Fp32), half = answerIn(tessera::Precision::Fp16);

  for (const auto& [index, confidence] : single) {
    double other = std::nan("");  // not among the five in fp16
    for (const auto& c : half)
      if (c.index == index) other = c.confidence;
    std::printf("class %d: %.4f in fp32, %.4f in fp16, difference %.1e\n", index, confidence, other,
                std::abs(confidence - other));
  }
} catch (const tessera::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
