// tessera bench
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "apps/common/files.hpp"
#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/progress.hpp"
#include "apps/common/statistics.hpp"
#include "apps/common/tactics.hpp"
#include "apps/tessera/commands.hpp"
#include "apps/tessera/tensors.hpp"

namespace tessera::app {
namespace {

struct BenchOptions {
  EngineArguments engine;
  int runs = 30, warmUp = 3;
  int layers = 20;  ///< shown in the table
};

struct Measured {
  std::vector<double> milliseconds;
  std::vector<LayerTime> layers;
  std::int64_t items = 1;  ///< of a run
};

Measured measure(const std::shared_ptr<const Engine>& engine, const BenchOptions& options) {
  Context context(engine);
  options.engine.setShapes(context);
  for (const Binding& binding : context.bindings())
    if (binding.isInput) context.upload(binding.name, randomTensor(binding, 0));
  for (int i = 0; i < options.warmUp; ++i) context.execute();
  Measured measured;
  measured.items = options.engine.batch;
  if (!engine->shapes().empty())
    if (const Shape& shape = context.bindings().front().shape; !shape.empty()) measured.items = shape[0];
  Progress progress("measuring", static_cast<std::size_t>(options.runs), "runs");
  for (int i = 0; i < options.runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    context.execute();
    measured.milliseconds.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    progress.advance();
  }
  measured.layers = context.profile(std::clamp(options.runs / 3, 1, 10));
  return measured;
}

// Work per millisecond, in billions per second.
double rate(double work, double milliseconds) { return milliseconds > 0 ? work / milliseconds * 1e-6 : 0; }

Json benchJson(const Engine& engine, const BenchOptions& options, const CommonOptions& common,
               const Measured& measured) {
  const Latency latency = Latency::of(measured.milliseconds);
  const MemoryUse& memory = engine.memory();
  Json json{{"device", engine.device().caps().name},
            {"model", modelName(options.engine.model)},
            {"precision", toString(engine.precision())},
            {"batch", measured.items},
            {"runs", options.runs},
            {"latency_ms", latency.json()},
            {"throughput", static_cast<double>(measured.items) / latency.median * 1000},
            {"memory_bytes",
             {{"weights", memory.weights},
              {"activations", memory.activations},
              {"bindings", memory.bindings},
              {"workspace", memory.workspace}}}};
  if (engine.precision() == Precision::Int8) json["int8_share"] = int8Share(engine.precisions());
  json["tactics"] = tacticsJson(engine.tuning());
  json["layers"] = Json::array();
  for (const LayerTime& time : measured.layers)
    json["layers"].push_back({{"name", time.layer.name},
                              {"op", time.layer.op},
                              {"family", time.layer.family},
                              {"tactic", time.layer.tactic},
                              {"precision", time.layer.precision},
                              {"ms", time.milliseconds},
                              {"gops", rate(time.layer.operations, time.milliseconds)},
                              {"gbps", rate(time.layer.bytes, time.milliseconds)}});
  return json;
}

void printLayers(std::vector<LayerTime> layers, int most) {
  std::stable_sort(layers.begin(), layers.end(),
                   [](const auto& a, const auto& b) { return a.milliseconds > b.milliseconds; });
  const double total = std::accumulate(layers.begin(), layers.end(), 0.0,
                                       [](double sum, const auto& l) { return sum + l.milliseconds; });
  fmt::print("\n{:<36}{:<22}{:<6}{:>9}{:>7}{:>10}{:>8}\n", "layer", "family", "type", "ms", "%", "GOP/s",
             "GB/s");
  const auto shown = std::min(layers.size(), static_cast<std::size_t>(most));
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& [layer, ms] = layers[i];
    fmt::print("{:<36}{:<22}{:<6}{:>9.3f}{:>7.1f}{:>10.1f}{:>8.1f}\n", layer.name.substr(0, 35),
               layer.family.substr(0, 21), layer.precision, ms, total > 0 ? ms / total * 100 : 0,
               rate(layer.operations, ms), rate(layer.bytes, ms));
  }
  if (shown < layers.size()) fmt::print("and {} more (--layers)\n", layers.size() - shown);
}

int bench(const BenchOptions& options, const CommonOptions& common) {
  const auto engine = options.engine.build(common);
  const Measured measured = measure(engine, options);
  const Latency latency = Latency::of(measured.milliseconds);
  const MemoryUse& memory = engine->memory();
  double operations = 0;
  for (const LayerTime& time : measured.layers) operations += time.layer.operations;
  fmt::print("model       {}\ndevice      {}\nprecision   {}, batch {}\n", modelName(options.engine.model),
             engine->device().caps().name, toString(engine->precision()), measured.items);
  fmt::print("latency     {:.3f} ms median, {:.3f} p90, {:.3f} p99 of {} runs\n", latency.median, latency.p90,
             latency.p99, options.runs);
  fmt::print("throughput  {:.1f}/s, {:.1f} GFLOP/s\n",
             static_cast<double>(measured.items) / latency.median * 1000, rate(operations, latency.median));
  fmt::print("memory      weights {}, activations {}, bindings {}, workspace {}\n", bytesText(memory.weights),
             bytesText(memory.activations), bytesText(memory.bindings), bytesText(memory.workspace));
  fmt::print("tactics     {}\n", tacticsText(engine->tuning()));
  if (options.layers > 0) printLayers(measured.layers, options.layers);
  if (!common.json.empty()) writeJson(common.json, benchJson(*engine, options, common, measured));
  return kDone;
}

}  // namespace

Command addBench(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<BenchOptions>();
  options->engine.add(app);
  app.add_option("--runs", options->runs, "Runs to measure")
      ->check(number(1, 1000000))
      ->capture_default_str();
  app.add_option("--warm-up", options->warmUp, "Runs before")
      ->check(number(0, 1000000))
      ->capture_default_str();
  app.add_option("--layers", options->layers, "Slowest layers to show")
      ->check(number(0, 1000000))
      ->capture_default_str();
  addDeviceOptions(app, common);
  addOutputOptions(app, common);
  return [options, &common] { return bench(*options, common); };
}

}  // namespace tessera::app
