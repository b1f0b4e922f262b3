// Tuning models and single problems.
#include <spdlog/fmt/fmt.h>

#include <sstream>

#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/plans.hpp"
#include "apps/tessera-tune/commands.hpp"

namespace tessera::app {
namespace {

// A network of one layer.
Graph graphOf(const std::string& problem) {
  const OpView view = planarView(parseOpView(problem));
  if (const auto why = whyNotMeasured(view); !why.empty())
    throw Error(ErrorCode::InvalidArgument, "'" + problem + "' can not be tuned: " + why + ".");
  const auto values = madeUpOperands(view);
  Graph graph;
  graph.name = view.op;
  std::vector<TensorId> inputs;
  for (std::size_t i = 0; i < view.inputs.size(); ++i) {
    const std::string name = "input " + std::to_string(i);
    if (!view.has(i))
      inputs.push_back(kNoTensor);
    else if (view.inputs[i].constant)
      inputs.push_back(graph.addConstant(name, values[i]));
    else
      inputs.push_back(graph.addInput(name, view.inputs[i].type, view.inputs[i].shape));
  }
  for (const TensorId output : graph.addLayer(view.op, view.op, inputs, view.attrs).outputs)
    graph.markOutput(output);
  return graph;
}

// A typing error in an output's shape would tune another problem than the one that was written.
void requireOutputs(const std::string& problem) {
  const OpView view = parseOpView(problem);
  const auto outputs = inferOutputs(operatorNamed(view.op), view.attrs, view.inputs);
  if (outputs.size() != view.outputs.size())
    throw Error(ErrorCode::InvalidArgument, fmt::format("'{}' has {} outputs; such a layer has {}", problem,
                                                        view.outputs.size(), outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].shape != view.outputs[i].shape)
      throw Error(ErrorCode::InvalidArgument, fmt::format("'{}': output {} of such a layer is {}", problem, i,
                                                          toString(outputs[i].shape)));
}

Json report(const std::string& name, const Engine& engine, TuneProgress last) {
  const TuneReport& r = engine.tuning();
  if (r.candidates == 0) {
    fmt::print(
        "{}: nothing left to tune in this mode and budget; {} kernels, {} by records, {} by defaults of the "
        "device's class\n",
        name, r.problems, r.exact, r.defaults);
  } else {
    fmt::print("{}: {} candidates in {:.1f} s, {} rejected; {:.3f} ms -> {:.3f} ms\n", name, r.candidates,
               r.seconds, r.bad, last.untuned, last.best);
  }
  return {{"name", name},
          {"candidates", r.candidates},
          {"rejected", r.bad},
          {"seconds", r.seconds},
          {"kernels", r.problems},
          {"by_record", r.exact},
          {"by_default", r.defaults},
          {"untuned_ms", last.untuned},
          {"best_ms", last.best}};
}

using Build = std::function<std::shared_ptr<const Engine>(const TuneOptions&)>;

// A model and how it is built: in INT8 with a calibration, where that is asked for.
Build buildOf(const TuneArguments& a, const std::string& model, const Device& device) {
  requireModelFiles(model);
  if (isPlan(model))  // its network; kernels are searched for whatever it says of the device
    return [&a, &model, &device](const TuneOptions& tuning) {
      return loadPlan(model, *a.app, a.common, device, tuning, PlanUse::Network);
    };
  requireNoSelfCheck(model, a.common);
  ImportOptions import;
  a.freeze.apply(import);
  import.inputShapes = a.shapes.shapes();
  const Graph graph = loadModel(model, a.batch, std::move(import));
  EngineOptions options = a.common.engineOptions();
  completeInt8(
      a.int8, graph,
      [&] {
        const auto file = a.preprocess.empty() ? findSidecar(model) : std::optional<fs::path>(a.preprocess);
        if (!file)
          throw UsageError("To calibrate " + model + ", --preprocess must say how images become its input.");
        return Sidecar::read(*file);
      },
      device, options);
  return [graph, options, &device](const TuneOptions& tuning) {
    EngineOptions tuned = options;
    tuned.tuning = tuning;
    return Engine::build(graph, device, tuned);
  };
}

}  // namespace

std::vector<std::string> listedProblems(const TuneArguments& a) {
  std::vector<std::string> problems = a.problems;
  if (!a.problemFile.empty()) {
    std::istringstream in(readFile(a.problemFile));
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty() && line[0] != '#') problems.push_back(line);
    }
  }
  for (const std::string& problem : problems) try {
      requireOutputs(problem);
    } catch (const Error& e) {
      throw Error(ErrorCode::InvalidArgument, e.what());
    }
  return problems;
}

Json tuneAll(const TuneArguments& a, const Device& device) {
  if (a.common.tune != "fast" && a.common.tune != "full")
    throw UsageError("--tune " + a.common.tune + " searches for nothing: choose fast or full.");
  Json results = Json::array();
  const auto tune = [&](const std::string& name, const Build& build) {
    TuneProgress last;
    TuneOptions tuning = a.common.engineOptions().tuning;
    tuning.progress = [&last, show = tuning.progress](const TuneProgress& p) {
      last = p;
      if (show) show(p);
    };
    const auto engine = build(tuning);
    printInt8Share(*engine);
    results.push_back(report(name, *engine, last));
  };
  for (const std::string& model : a.models) tune(modelName(model), buildOf(a, model, device));
  for (const std::string& problem : listedProblems(a)) {
    EngineOptions options = a.common.engineOptions();
    options.precision = Precision::Fp32;  // a problem says itself what it computes in
    options.optimized = true;
    tune(problem, [&](const TuneOptions& tuning) {
      options.tuning = tuning;
      return Engine::build(graphOf(problem), device, options);
    });
  }
  return results;
}

bool verifyModels(const TuneArguments& a, const Device& device, Json& json) {
  bool right = true;
  json = Json::array();
  for (const std::string& model : a.models) {
    TuneOptions tuning = a.common.engineOptions().tuning;
    tuning.mode = TuneMode::Cached;
    tuning.verify = true;
    const auto engine = buildOf(a, model, device)(tuning);
    const TuneReport& report = engine->tuning();
    const NetworkCheck& check = report.check;
    const std::string compared =
        fmt::format("{} kernels, {} by records: {} values of {} outputs and {} kernels one by one",
                    report.problems, report.exact + report.stale, check.values, check.outputs, check.kernels);
    if (check.right)
      fmt::print("{}: right. {}; largest difference {:.2g} of an output's range\n", modelName(model),
                 compared, check.difference);
    else
      fmt::print("{}: wrong. {}; {}. The tactic is marked; the untuned network runs from now on.\n",
                 modelName(model), compared, check.wrong);
    right &= check.right;
    json.push_back({{"name", modelName(model)},
                    {"right", check.right},
                    {"outputs", check.outputs},
                    {"values", check.values},
                    {"kernels", check.kernels},
                    {"difference", check.difference},
                    {"wrong", check.wrong}});
  }
  return right;
}

}  // namespace tessera::app
