// bench/models: the median time of networks, and which fraction of the device's measured ceiling that is.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <sstream>

#include "apps/common/files.hpp"
#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/program.hpp"
#include "apps/common/statistics.hpp"
#include "apps/tessera/tensors.hpp"
#include "bench/reference_networks.hpp"
#include "tessera/calibrator.hpp"
#include "tessera/context.hpp"
#include "tessera/exporter.hpp"
#include "tune/tools.hpp"

namespace tessera::bench {
namespace {

struct Options {
  app::CommonOptions common;
  std::vector<std::string> networks{"fcn8s", "resnet50", "vgg16"}, models;
  std::int64_t batch = 1;
  int runs = 10;
  std::vector<std::string>
      turns;  ///< PRECISION[:TUNE[:CHOICE[:LAUNCHES]]], measured in turns; empty: what `common` says
  bool roofline = false;
  std::string exportFolder, precisionChoice = "measured";
};

struct Row {
  std::string name, variant;
  std::int64_t batch = 1;
  app::Latency latency;
  double gigaOperations = 0;
  std::size_t launches = 0;  // of a run
  std::vector<LayerTime> layers;
};

/// One batch of random numbers: scales for timing, not for accuracy.
class RandomCalibrator final : public Calibrator {
 public:
  RandomCalibrator(const Graph& graph, std::int64_t batch) : graph_(graph), batch_(batch) {}
  int batchSize() const override { return static_cast<int>(batch_); }
  bool nextBatch(TensorMap& inputs) override {
    if (given_) return false;
    for (const TensorId id : graph_.inputs()) {
      const auto& t = graph_.tensor(id);
      inputs[t.name] = app::randomTensor({t.name, t.type, t.shape, true}, 0);
    }
    return given_ = true;
  }

 private:
  const Graph& graph_;
  std::int64_t batch_;
  bool given_ = false;
};

EngineOptions engineOptions(const Graph& graph, const Device& device, const Options& options,
                            const std::string& variant) {
  app::CommonOptions common = options.common;
  std::string choice = options.precisionChoice;
  std::istringstream fields(variant);
  for (std::string* field : {&common.precision, &common.tune, &choice, &common.launches})
    if (std::string text; std::getline(fields, text, ':') && !text.empty()) *field = text;
  EngineOptions engine = common.engineOptions();
  if (engine.precision != Precision::Int8) return engine;
  RandomCalibrator random(graph, options.batch);
  CalibrationOptions calibration;
  calibration.method = CalibrationMethod::MinMax;
  // Without tuning nothing is measured, nor looked up.
  engine.precisionChoice =
      engine.tuning.mode == TuneMode::Off ? PrecisionChoice::Rules : parsePrecisionChoice(choice);
  engine.calibration = calibrate(graph, device, random, calibration).calibration;
  return engine;
}

// One row per variant. They run in turns, so that what else the machine does is shared among them.
std::vector<Row> measure(const std::string& name, const Graph& graph, const Device& device,
                         const Options& options) {
  std::vector<Row> rows;
  std::vector<Context> contexts;
  std::vector<std::vector<double>> milliseconds;
  for (const std::string& variant : options.turns.empty() ? std::vector<std::string>{""} : options.turns) {
    const auto engine = Engine::build(graph, device, engineOptions(graph, device, options, variant));
    app::printInt8Share(*engine);
    Context& context = contexts.emplace_back(engine);
    for (const Binding& binding : engine->bindings())
      if (binding.isInput) context.upload(binding.name, app::randomTensor(binding, 0));
    Row& row = rows.emplace_back(Row{name, variant, options.batch, {}, 0, 0, {}});
    for (const LayerInfo& layer : engine->layers()) row.gigaOperations += layer.operations * 1e-9;
    for (int i = 0; i < 2; ++i) context.execute();
  }
  milliseconds.resize(rows.size());
  // Some runs of each in a row: what its last run left in caches is there for the next, as it is where one
  // network runs alone.
  constexpr int kRow = 5;
  for (int done = 0; done < options.runs; done += kRow)
    for (std::size_t k = 0; k < contexts.size(); ++k)
      for (int i = done; i < std::min(done + kRow, options.runs); ++i) {
        const auto begin = std::chrono::steady_clock::now();
        contexts[k].execute();
        milliseconds[k].push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
      }
  for (std::size_t k = 0; k < rows.size(); ++k) {
    rows[k].latency = app::Latency::of(milliseconds[k]);
    rows[k].launches = contexts[k].engine().launches();
    if (!options.common.json.empty()) rows[k].layers = contexts[k].profile();
  }
  return rows;
}

const ReferenceNetwork& networkNamed(const std::string& name) {
  std::string names;
  for (const ReferenceNetwork& network : referenceNetworks()) {
    if (network.name == name) return network;
    names += " " + network.name;
  }
  throw app::UsageError("No network '" + name + "'; there are:" + names);
}

// 10^9 operations per second of the body INT8 kernels use.
double dot4Ceiling(const Device& device) {
  for (const auto& probe : device.dot4Probes())
    if (probe.body == device.int8Caps().dot4) return probe.gops;
  return 0;
}

// All ceilings of the device, as tessera-tune --roofline has them.
app::Json roofline(const Device& device) {
  app::Json rows = app::Json::array();
  for (const RooflineEntry& e : measureRoofline(device)) {
    rows.push_back({{"name", e.name}, {"value", e.value}, {"unit", e.unit}});
    fmt::print("{:<24}{:>12.1f} {}{}\n", e.name, e.value, e.unit, e.why.empty() ? "" : "  " + e.why);
  }
  return rows;
}

int exportAll(const Options& options) {
  const auto write = [&](const std::string& name, const Graph& graph) {
    const auto file = std::filesystem::path(options.exportFolder) / (name + ".onnx");
    std::filesystem::create_directories(file.parent_path());
    exportOnnx(graph, file);
    fmt::print("{}\n", file.string());
  };
  for (const std::string& name : options.networks) write(name, networkNamed(name).make(options.batch));
  for (const std::string& model : options.models)
    write(std::filesystem::path(model.substr(0, model.find(','))).stem().string(),
          app::loadModel(model, options.batch));
  return app::kDone;
}

int run(const Options& options) {
  if (!options.exportFolder.empty()) return exportAll(options);
  const Device device = options.common.selectDevice();
  const bool int8 = options.common.precision == "int8";
  const double ceiling = int8 ? dot4Ceiling(device) : measureFp32(device), copy = measureCopy(device);
  fmt::print("{}: {:.0f} {} {}, {:.0f} GB/s measured\n\n", device.caps().name, ceiling,
             int8 ? "GOP/s" : "GFLOP/s", int8 ? "int8 by dot4" : "fp32", copy);
  fmt::print("{:<38}{:>6}{:>12}{:>10}{:>10}{:>12}{:>10}{:>10}\n", "network", "batch", "median ms", "p90 ms",
             "GFLOP", "GFLOP/s", "ceiling", "to first");
  app::Json json{{"device", device.caps().name},
                 {"precision", options.common.precision},
                 {"ceiling", {{"gflops", ceiling}, {"gbps", copy}}}};
  json["networks"] = app::Json::array();
  if (options.roofline) json["roofline"] = roofline(device);
  const auto report = [&](const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      const double rate = row.gigaOperations / row.latency.median * 1000;
      const double toFirst = row.latency.median / rows.front().latency.median;
      fmt::print("{:<38}{:>6}{:>12.3f}{:>10.3f}{:>10.2f}{:>12.1f}{:>9.1f}%{:>10.2f}\n",
                 row.name + (row.variant.empty() ? "" : " " + row.variant), row.batch, row.latency.median,
                 row.latency.p90, row.gigaOperations, rate, rate / ceiling * 100, toFirst);
      app::Json layers = app::Json::array();
      for (const LayerTime& layer : row.layers)
        layers.push_back({{"name", layer.layer.name},
                          {"family", layer.layer.family},
                          {"tactic", layer.layer.tactic},
                          {"ms", layer.milliseconds}});
      json["networks"].push_back({{"name", row.name},
                                  {"variant", row.variant},
                                  {"batch", row.batch},
                                  {"latency_ms", row.latency.json()},
                                  {"launches", row.launches},
                                  {"gflop", row.gigaOperations},
                                  {"gflops", rate},
                                  {"fraction_of_ceiling", rate / ceiling},
                                  {"ratio_to_first", toFirst},
                                  {"layers", std::move(layers)}});
    }
    std::fflush(stdout);
  };
  for (const std::string& name : options.networks)
    report(measure(name, networkNamed(name).make(options.batch), device, options));
  for (const std::string& model : options.models)
    report(measure(app::modelName(model), app::loadModel(model, options.batch), device, options));
  if (!options.common.json.empty()) app::writeJson(options.common.json, json);
  return app::kDone;
}

}  // namespace
}  // namespace tessera::bench

int main(int argc, char** argv) {
  using namespace tessera;
  bench::Options options;
  CLI::App app("Measures networks against the device's ceiling.", "bench_models");
  app.add_option("--networks", options.networks,
                 "Reference networks: fcn8s, resnet50, vgg16, squeezenet, mobilenet_v2, yolov8n, yolox_nano")
      ->expected(0, 100)
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--models", options.models, "Model files to measure as well (e.g. ESPNet)")
      ->expected(0, 100);
  app.add_option("--batch", options.batch, "Batch size")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--runs", options.runs, "Runs of each network")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--turns", options.turns,
                 "Build these variants of each network and run them in turns: "
                 "PRECISION[:TUNE[:CHOICE[:LAUNCHES]]], e.g. "
                 "fp32:off,fp32:fast,int8:fast:measured,fp16:off::one; the ceiling is that of --precision")
      ->expected(1, 8)
      ->delimiter(',');
  app.add_option("--export", options.exportFolder,
                 "Write the networks and models as ONNX into this folder and stop");
  app.add_flag("--roofline", options.roofline, "Measure all that the device gives at best, too");
  app::addDeviceOptions(app, options.common);
  app::addPrecisionChoice(app, options.precisionChoice);
  app::addOutputOptions(app, options.common);
  return app::runProgram(app, argc, argv, options.common, [&] { return bench::run(options); });
}
