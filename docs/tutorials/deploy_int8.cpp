// Builds INT8 on the target from a calibration cache, without an image to calibrate from, and says what is in
// a picture.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <tessera/tessera.hpp>

int main(int argc, char** argv) try {
  if (argc < 4)
    return std::fprintf(stderr, "usage: %s model.onnx net.calibration picture [device]\n", argv[0]), 2;
  std::ifstream file(argv[2], std::ios::binary);
  if (!file) return std::fprintf(stderr, "%s can not be read\n", argv[2]), 1;
  const std::string text{std::istreambuf_iterator<char>(file), {}};

  tessera::EngineOptions options;
  options.precision = tessera::Precision::Int8;
  options.calibration = tessera::parseAnyCalibration(text, argv[2]);  // of Tessera's or TensorRT's

  // What goes in and comes out is said by model.json, beside the model.
  const auto device = tessera::Device::select(argc > 4 ? argv[4] : "");
  tessera::Runner runner = tessera::Runner::load(argv[1], device, options);

  double all = 0, coded = 0;
  for (const tessera::LayerPrecision& layer : runner.engine().precisions()) {
    all += layer.multiplyAdds;
    if (layer.precision == tessera::Precision::Int8) coded += layer.multiplyAdds;
  }
  std::printf("%.1f %% of the multiply-adds in INT8 on %s\n", 100 * coded / all, device.caps().name.c_str());

  const cv::Mat picture = cv::imread(argv[3], cv::IMREAD_COLOR);
  if (picture.empty()) return std::fprintf(stderr, "%s is no picture\n", argv[3]), 1;
  for (const auto& [box, index, score] : runner.run({picture.data, picture.rows, picture.cols}).objects)
    std::printf("class %d, %.3f: %.1f %.1f %.1f %.1f\n", index, static_cast<double>(score),
                static_cast<double>(box.left), static_cast<double>(box.top), static_cast<double>(box.right),
                static_cast<double>(box.bottom));
} catch (const tessera::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
