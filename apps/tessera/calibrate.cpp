// tessera calibrate
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "apps/common/files.hpp"
#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/numbers.hpp"
#include "apps/tessera/commands.hpp"
#include "apps/tessera/frontier.hpp"
#include "tessera/exporter.hpp"

namespace tessera::app {
namespace {

struct CalibrateOptions {
  EngineArguments engine;
  bool sensitivity = false;
  int sensitivityBatches = 3;
  std::string exportQdq;  ///< file to write the calibrated network to
  std::string frontier;   ///< picture of what layers in fp16 give and cost
};

void printDamage(const CalibrationResult& result) {
  if (result.damage.empty()) return;
  fmt::print("{:<18}{:>10}{:>10}\n", "candidate", "error", "changed");
  for (const auto& [candidate, damage] : result.damage)
    fmt::print("{:<18}{:>10.3e}{:>8.3f} %\n", candidate, damage.error, damage.changed * 100);
}

void printSensitivity(const std::vector<LayerSensitivity>& layers) {
  std::size_t width = 5;
  double all = 0;
  for (const auto& layer : layers) {
    width = std::max(width, layer.layer.size());
    all += layer.multiplyAdds;
  }
  fmt::print("\n{:<{}}  {:<16}{:>10}{:>10}{:>8}\n", "layer alone in INT8", width, "operator", "error",
             "changed", "MACs");
  for (const auto& layer : layers)
    fmt::print("{:<{}}  {:<16}{:>10.3e}{:>8.3f} %{:>6.2f} %\n", layer.layer, width, layer.op,
               layer.damage.error, layer.damage.changed * 100, layer.multiplyAdds / std::max(all, 1.0) * 100);
}

Json damageJson(const CalibrationDamage& damage) {
  return {{"error", damage.error}, {"changed", damage.changed}};
}

/// Writes the network with what calibration found, which may have been found before.
void exportTo(const std::string& file, const Graph& graph, const Calibration& calibration,
              const Int8Arguments& int8, const PassOptions& passes) {
  exportQdq(graph, calibration, file, int8.layerPrecision(), passes);
  fmt::print("{}: the network in INT8, as ONNX with QuantizeLinear and DequantizeLinear\n", file);
}

/// Without images: a cache that exists already is the calibration.
int exportCalibrated(const CalibrateOptions& options, const CommonOptions& common) {
  if (options.sensitivity) throw UsageError("--sensitivity needs --calibration-images.");
  if (!common.json.empty()) throw UsageError("--json goes with --calibration-images.");
  const Graph graph = options.engine.load();
  EngineOptions engine;
  engine.precision = Precision::Int8;
  completeInt8(options.engine.int8, graph, {}, common.selectDevice(), engine);
  exportTo(options.exportQdq, graph, *engine.calibration, options.engine.int8,
           options.engine.options(common).passes);
  return kDone;
}

int calibrateModel(const CalibrateOptions& options, const CommonOptions& common) {
  const Int8Arguments& int8 = options.engine.int8;
  if (int8.cache.empty()) throw UsageError("--calibration-cache is required: the file to write.");
  if (!options.frontier.empty() && int8.fp16Share <= 0)
    throw UsageError("--frontier goes with --calibration-fp16-share.");
  if (!options.exportQdq.empty() && int8.images.empty()) return exportCalibrated(options, common);
  const Graph graph = options.engine.load();
  const Device device = common.selectDevice();
  const EngineOptions engine = options.engine.options(common);
  const PassOptions& passes = engine.passes;
  const auto begin = std::chrono::steady_clock::now();
  const CalibrationResult result = calibrateFromImages(int8, graph, options.engine.sidecar(), device, engine);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} scales from {} batches in {:.1f} s by {}\n", result.calibration.scales.size(),
             result.batches, seconds, result.chosen);
  printDamage(result);
  printFrontier(result);
  printHarmful(result);
  if (!options.frontier.empty()) drawFrontier(options.frontier, result, modelName(options.engine.model));
  Graph optimized = graph;
  optimize(optimized, passes);
  std::vector<LayerPrecision> layers;
  assignInt8(optimized, result.calibration, int8.layerPrecision(), &layers);
  printInt8Share(layers);
  if (!options.exportQdq.empty()) exportTo(options.exportQdq, graph, result.calibration, int8, passes);
  Json json{{"device", device.caps().name},
            {"model", modelName(options.engine.model)},
            {"scales", result.calibration.scales.size()},
            {"batches", result.batches},
            {"seconds", seconds},
            {"int8_share", int8Share(layers)},
            {"method", int8.method},
            {"chosen", result.chosen}};
  for (const auto& [candidate, damage] : result.damage) json["damage"][candidate] = damageJson(damage);
  addFrontier(json, result);
  if (options.sensitivity) {
    const auto layers = rankLayersOnImages(int8, graph, options.engine.sidecar(), device, result.calibration,
                                           options.sensitivityBatches, engine);
    printSensitivity(layers);
    json["sensitivity"] = Json::array();
    for (const auto& layer : layers) {
      Json entry = damageJson(layer.damage);
      entry["name"] = layer.layer;
      entry["op"] = layer.op;
      entry["multiply_adds"] = layer.multiplyAdds;
      json["sensitivity"].push_back(std::move(entry));
    }
  }
  if (!common.json.empty()) writeJson(common.json, json);
  return kDone;
}

}  // namespace

Command addCalibrate(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<CalibrateOptions>();
  options->engine.add(app, false);
  app.add_flag("--sensitivity", options->sensitivity, "Also rank layers by what each costs alone in INT8");
  app.add_option("--sensitivity-batches", options->sensitivityBatches, "Batches to rank them on")
      ->check(number(1, 10000))
      ->capture_default_str();
  app.add_option("--frontier", options->frontier,
                 "Picture (PNG) of what layers in fp16 give and cost, with --calibration-fp16-share")
      ->type_name("F");
  app.add_option(
      "--export-qdq", options->exportQdq,
      "Also write the calibrated network as ONNX with QuantizeLinear and DequantizeLinear, for other "
      "programs; without --calibration-images from an existing cache");
  addDeviceOptions(app, common, TuneDefault::Never);
  addOutputOptions(app, common);
  return [options, &common] { return calibrateModel(*options, common); };
}

}  // namespace tessera::app
