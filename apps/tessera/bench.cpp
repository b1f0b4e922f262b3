// tessera bench
#include "apps/tessera/bench.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>

#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/tactics.hpp"

namespace tessera::app {
namespace {

Json latencyJson(const std::vector<double>& milliseconds) {
  Json json = Latency::of(milliseconds).json();
  const auto count = static_cast<double>(milliseconds.size());
  json["mean"] = std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0) / count;
  json["p95"] = percentile(milliseconds, 0.95);
  json["p99_9"] = percentile(milliseconds, 0.999);
  json["min"] = *std::ranges::min_element(milliseconds);
  json["max"] = *std::ranges::max_element(milliseconds);
  return json;
}

double inferences(const Measured& measured) {
  return static_cast<double>(measured.milliseconds.size()) * static_cast<double>(measured.items);
}

Json efficiencyJson(const Measured& measured) {
  const EnergyUse& energy = measured.energy;
  if (!energy.why.empty()) return {{"why_not", energy.why}};
  const double items = inferences(measured);
  return {{"counted_by", energy.what},
          {"joules_per_item", energy.joules / items},
          {"items_per_joule", energy.joules > 0 ? items / energy.joules : 0},
          {"watts", energy.seconds > 0 ? energy.joules / energy.seconds : 0},
          {"seconds", energy.seconds}};
}

Json benchJson(const Engine& engine, const BenchOptions& options, const Measured& measured,
               const Json& accuracy) {
  const MemoryUse& memory = engine.memory();
  Json json{{"device", engine.device().caps().name},
            {"model", modelName(options.engine.model)},
            {"precision", toString(engine.precision())},
            {"batch", measured.items},
            {"runs", measured.milliseconds.size()},
            {"streams", options.streams},
            {"seconds", measured.seconds},
            {"latency_ms", latencyJson(measured.milliseconds)},
            {"throughput", measured.throughput()},
            {"efficiency", efficiencyJson(measured)},
            {"accuracy", accuracy},
            {"memory_bytes",
             {{"weights", memory.weights},
              {"activations", memory.activations},
              {"bindings", memory.bindings},
              {"workspace", memory.workspace}}}};
  if (engine.precision() == Precision::Int8) json["int8_share"] = int8Share(engine.precisions());
  json["tactics"] = tacticsJson(engine.tuning());
  json["profile"] = profileJson(measured.profile);
  json["layers"] = layersJson(measured.profile);
  return json;
}

void printMeasured(const Engine& engine, const BenchOptions& options, const Measured& measured) {
  const Latency latency = Latency::of(measured.milliseconds);
  const MemoryUse& memory = engine.memory();
  double operations = 0;
  for (const LayerProfile& layer : measured.profile.layers) operations += layer.layer.operations;
  fmt::print("model       {}\ndevice      {}\nprecision   {}, batch {}\n", modelName(options.engine.model),
             engine.device().caps().name, toString(engine.precision()), measured.items);
  fmt::print("latency     {:.3f} ms median, {:.3f} p90, {:.3f} p99 of {} runs{}\n", latency.median,
             latency.p90, latency.p99, measured.milliseconds.size(),
             options.streams > 1 ? fmt::format(" on {} streams", options.streams) : "");
  fmt::print("throughput  {:.1f}/s, {:.1f} GFLOP/s\n", measured.throughput(),
             operations * measured.throughput() / static_cast<double>(measured.items) * 1e-9);
  if (measured.energy.why.empty())
    fmt::print("energy      {:.4g} J each, {:.1f} W ({})\n", measured.energy.joules / inferences(measured),
               measured.energy.joules / std::max(measured.energy.seconds, 1e-9), measured.energy.what);
  else
    fmt::print("energy      not known: {}\n", measured.energy.why);
  fmt::print("memory      weights {}, activations {}, bindings {}, workspace {}{}\n",
             bytesText(memory.weights), bytesText(memory.activations), bytesText(memory.bindings),
             bytesText(memory.workspace), options.streams > 1 ? "; all but weights for each stream" : "");
  fmt::print("tactics     {}\n", tacticsText(engine.tuning()));
}

int bench(const BenchOptions& options, const CommonOptions& common) {
  if (!options.compare.empty()) return compareReports(options, common);
  if (options.slowerThan >= 0) throw UsageError("--slower-than goes with --compare.");
  if (options.engine.model.empty()) throw UsageError("A model is required, or two reports to --compare.");
  const auto engine = options.engine.build(common);
  const Measured measured = measure(engine, options);
  const Json accuracy = options.accuracy.empty()
                            ? Json{{"why_not", "not asked for: --accuracy fp32, or a report of a program"}}
                            : accuracyOf(*engine, options, common);
  printMeasured(*engine, options, measured);
  if (accuracy.contains("outputs"))
    for (const auto& [name, distance] : accuracy["outputs"].items())
      fmt::print("accuracy    {}: {} against fp32\n", name, distance.dump());
  if (options.layers > 0) printProfile(measured.profile, options.layers);
  const std::string network = modelName(options.engine.model), device = engine->device().caps().name;
  if (!options.trace.empty()) writeTrace(options.trace, measured.profile, network, device);
  if (!options.chart.empty())
    drawChart(options.chart, measured.profile,
              fmt::format("{}, {}, batch {}, on {}: {:.3f} ms in kernels, {:.3f} between", network,
                          toString(engine->precision()), measured.items, device, measured.profile.busy,
                          measured.profile.span - measured.profile.busy),
              std::max(options.layers, 1));
  if (!common.json.empty()) writeJson(common.json, benchJson(*engine, options, measured, accuracy));
  return kDone;
}

void addReportOptions(CLI::App& app, BenchOptions& options) {
  app.add_flag("--profile", options.profile,
               "How near layers come to the device's ceilings, gaps, fused layers");
  app.add_option("--trace", options.trace, "Write a run for Perfetto or chrome://tracing")
      ->type_name("FILE.json");
  app.add_option("--chart", options.chart, "Draw the slowest layers as bars")->type_name("FILE.png");
  app.add_option("--accuracy", options.accuracy, "How near outputs are to fp32's, or a program's metric")
      ->type_name("fp32|REPORT.json");
  app.add_option("--compare", options.compare, "Run nothing; which layers of B are slower than in A")
      ->expected(2)
      ->type_name("A.json B.json");
  app.add_option("--slower-than", options.slowerThan, "With --compare: exit code 1 where time grew by more")
      ->check(number(0.0, 1e6))
      ->type_name("PERCENT");
}

}  // namespace

Command addBench(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<BenchOptions>();
  options->engine.add(app);
  app.get_option("--model")->required(false);  // --compare runs none
  app.add_option("--runs", options->runs, "Runs to measure, on each stream")
      ->check(number(1, 1000000))
      ->capture_default_str();
  app.add_option("--duration", options->duration, "Seconds to measure for, instead of --runs")
      ->check(number(0.0, 86400.0))
      ->type_name("S");
  app.add_option("--streams", options->streams, "Contexts that run side by side: throughput, not latency")
      ->check(number(1, 256))
      ->capture_default_str();
  app.add_option("--warm-up,--warmup", options->warmUp, "Runs before, on each stream")
      ->check(number(0, 1000000))
      ->capture_default_str();
  app.add_option("--layers", options->layers, "Slowest layers to show")
      ->check(number(0, 1000000))
      ->capture_default_str();
  addReportOptions(app, *options);
  addDeviceOptions(app, common);
  addOutputOptions(app, common);
  return [options, &common] { return bench(*options, common); };
}

}  // namespace tessera::app
