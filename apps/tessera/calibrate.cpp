// tessera calibrate
#include <spdlog/fmt/fmt.h>

#include "apps/common/files.hpp"
#include "apps/common/int8_options.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {
namespace {

struct CalibrateOptions {
  EngineArguments engine;
  Int8Arguments int8;
  std::string preprocess;
};

Sidecar sidecarOf(const CalibrateOptions& options) {
  if (!options.preprocess.empty()) return Sidecar::read(options.preprocess);
  if (const auto file = findSidecar(options.engine.model)) return Sidecar::read(*file);
  throw Error(ErrorCode::InvalidArgument,
              "Nothing says how images become the input of " + options.engine.model +
                  ": put a description beside it (the same name with .json) or give one "
                  "with --preprocess.");
}

int calibrateModel(const CalibrateOptions& options, const CommonOptions& common) {
  if (options.int8.cache.empty()) throw UsageError("--calibration-cache is required: the file to write.");
  const Graph graph = options.engine.load();
  EngineOptions engineOptions = options.engine.options(common);
  const CalibrationResult result = calibrateFromImages(options.int8, graph, sidecarOf(options),
                                                       common.selectDevice(), engineOptions.passes);
  fmt::print("{} scales from {} batches by {}\n", result.calibration.scales.size(), result.batches,
             result.chosen);
  if (!result.damage.empty()) fmt::print("{:<18}{:>10}{:>10}\n", "candidate", "error", "changed");
  for (const auto& [candidate, damage] : result.damage)
    fmt::print("{:<18}{:>10.3e}{:>8.3f} %\n", candidate, damage.error, damage.changed * 100);
  if (!common.json.empty()) {
    Json json{{"model", options.engine.model},
              {"scales", result.calibration.scales.size()},
              {"chosen", result.chosen}};
    for (const auto& [candidate, damage] : result.damage) json["damage"][candidate] = {{"error", damage.error}, {"changed", damage.changed}};
    writeJson(common.json, json);
  }
  return kDone;
}

}  // namespace

Command addCalibrate(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<CalibrateOptions>();
  options->engine.add(app);
  options->int8.add(app);
  app.add_option("--preprocess", options->preprocess,
                 "How images become the input (default: the model's .json)")
      ->type_name("FILE");
  addDeviceOptions(app, common);
  addOutputOptions(app, common);
  return [options, &common] { return calibrateModel(*options, common); };
}

}  // namespace tessera::app
