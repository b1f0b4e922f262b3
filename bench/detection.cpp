// bench_detection: what pre- and postprocessing of a detector cost beside its network, one image at a time.
#include <spdlog/fmt/fmt.h>

#include <cstdio>
#include <random>

#include "apps/common/numbers.hpp"
#include "apps/common/program.hpp"
#include "apps/common/statistics.hpp"
#include "tessera/importer.hpp"
#include "tessera/presets.hpp"
#include "tessera/runner.hpp"

namespace tessera::bench {
namespace {

struct Options {
  app::CommonOptions common;
  std::string model, preset;
  std::int64_t height = 0, width = 0;
  int runs = 30;
};

int run(const Options& options) {
  const Preset& preset = presetOf(options.preset);
  RunnerOptions wanted;
  wanted.preprocess = preset.preprocess;
  wanted.detection = preset.detection;
  wanted.detection->suppression.threshold =
      0.25;  // noise gives few boxes; the classes are looked at all the same
  Runner runner =
      Runner::load(options.model, options.common.selectDevice(), wanted, options.common.engineOptions());
  const Shape& input = runner.engine().bindings().front().shape;
  const std::int64_t height = options.height > 0 ? options.height : input.at(2);
  const std::int64_t width = options.width > 0 ? options.width : input.at(3);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width * 3));
  std::mt19937 random(1);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  const ImageView image{pixels.data(), height, width};
  runner.run(image);
  std::vector<double> before, network, after, share;
  for (int i = 0; i < options.runs; ++i) {
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
          height, width, median(before), median(network), median(after), median(share) * 100)
          .c_str(),
      stdout);
  return app::kDone;
}

}  // namespace
}  // namespace tessera::bench

int main(int argc, char** argv) {
  using namespace tessera;
  bench::Options options;
  CLI::App app("Measures what pre- and postprocessing of a detector cost.", "bench_detection");
  app.add_option("model", options.model, "The network")->required()->type_name("M");
  app.add_option("--preset", options.preset, "How images go in and what comes out")
      ->required()
      ->type_name("NAME");
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
