// bench_detection: what pre- and postprocessing of a detector cost beside its network, one image at a time.
#include <spdlog/fmt/fmt.h>

#include <cstdio>
#include <random>

#include "apps/common/images.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/program.hpp"
#include "apps/common/statistics.hpp"
#include "bench/suppression.hpp"
#include "tessera/importer.hpp"
#include "tessera/presets.hpp"
#include "tessera/runner.hpp"

namespace tessera::bench {
namespace {

struct Options {
  app::CommonOptions common;
  std::string model, preset, image;
  std::int64_t height = 0, width = 0;
  int runs = 30, boxes = 0;
};

// What --image names, else noise.
cv::Mat imageOf(const Options& options, const Shape& input) {
  if (!options.image.empty()) return app::readImage(options.image);
  const std::int64_t height = options.height > 0 ? options.height : input.at(2);
  const std::int64_t width = options.width > 0 ? options.width : input.at(3);
  cv::Mat noise(static_cast<int>(height), static_cast<int>(width), CV_8UC3);
  std::mt19937 random(1);
  for (auto pixel = noise.begin<cv::Vec3b>(); pixel != noise.end<cv::Vec3b>(); ++pixel)
    for (int c = 0; c < 3; ++c) (*pixel)[c] = static_cast<std::uint8_t>(random());
  return noise;
}

// Medians of single images, in turns: upload and host work of one overlap nothing of another.
app::Json timeDetector(Runner& runner, const cv::Mat& picture, int runs) {
  const ImageView image = app::viewOf(picture);
  runner.run(image);
  std::vector<double> before, network, after, share;
  for (int i = 0; i < runs; ++i) {
    runner.submit({&image, 1});
    const RunnerBatch batch = runner.collect();
    before.push_back(batch.preprocess);
    network.push_back(batch.network);
    after.push_back(batch.postprocess);
    share.push_back((batch.preprocess + batch.postprocess) / batch.network);
  }
  const auto median = [](const std::vector<double>& values) { return app::percentile(values, 0.5); };
  std::fputs(
      fmt::format(
          "image {}x{}: preprocess {:.3f} ms, network {:.3f} ms, postprocess {:.3f} ms on the host; pre- and "
          "postprocessing are {:.1f} % of the network\n",
          image.height, image.width, median(before), median(network), median(after), median(share) * 100)
          .c_str(),
      stdout);
  return {{"image", {image.height, image.width}}, {"runs", runs},
          {"preprocess_ms", median(before)},      {"network_ms", median(network)},
          {"postprocess_ms", median(after)},      {"share", median(share)}};
}

int run(const Options& options) {
  const Preset& preset = presetOf(options.preset);
  const Device device = options.common.selectDevice();
  app::Json json{{"device", device.caps().name}, {"preset", options.preset}};
  if (options.boxes > 0) {
    SuppressionOptions how = preset.detection.suppression;
    how.threshold = 0.25;
    json["suppression"] = timeSuppression(device, options.boxes, how, options.runs);
  }
  if (!options.model.empty()) {
    RunnerOptions wanted;
    wanted.preprocess = preset.preprocess;
    wanted.detection = preset.detection;
    Runner runner = Runner::load(options.model, device, wanted, options.common.engineOptions());
    const cv::Mat picture = imageOf(options, runner.engine().bindings().front().shape);
    json["detector"] = timeDetector(runner, picture, options.runs);
  }
  if (options.model.empty() && options.boxes == 0)
    throw app::UsageError("Nothing to do: give a network, or --boxes.");
  if (!options.common.json.empty()) app::writeJson(options.common.json, json);
  return app::kDone;
}

}  // namespace
}  // namespace tessera::bench

int main(int argc, char** argv) {
  using namespace tessera;
  bench::Options options;
  CLI::App app("Measures what pre- and postprocessing of a detector cost.", "bench_detection");
  app.add_option("model", options.model, "The network")->type_name("M");
  app.add_option("--preset", options.preset, "How images go in and what comes out")
      ->required()
      ->type_name("NAME");
  app.add_option("--image", options.image, "An image; none: noise of the extents below")->type_name("FILE");
  app.add_option("--boxes", options.boxes, "Time suppression of so many boxes, on the host and on the device")
      ->check(app::number(0, 1 << 20))
      ->type_name("N");
  app.add_option("--height", options.height, "Of the image; 0: the network's")
      ->check(app::number(0, 1 << 14));
  app.add_option("--width", options.width, "Of the image; 0: the network's")->check(app::number(0, 1 << 14));
  app.add_option("--runs", options.runs, "Images to time")
      ->check(app::number(1, 100000))
      ->capture_default_str();
  app::addDeviceOptions(app, options.common, app::TuneDefault::Cached);
  app::addOutputOptions(app, options.common);
  return app::runProgram(app, argc, argv, options.common, [&] { return bench::run(options); });
}
