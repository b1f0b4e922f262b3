// tessera inspect
#include <spdlog/fmt/fmt.h>

#include "apps/common/files.hpp"
#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/tactics.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {
namespace {

struct InspectOptions {
  EngineArguments engine;
  bool raw = false, graph = false, steps = false;
};

// What follows is of the largest shapes where they may change.
Json bindingJson(const Engine& engine, const Binding& binding) {
  Json json{{"name", binding.name},
            {"direction", binding.isInput ? "input" : "output"},
            {"type", std::string(toString(binding.type))},
            {"shape", binding.shape}};
  if (const auto range = engine.shapes().find(binding.name);
      binding.isInput && range != engine.shapes().end())
    json["min_shape"] = range->second.min;
  return json;
}

std::string shapeText(const Engine& engine, const Binding& binding) {
  const auto range = engine.shapes().find(binding.name);
  const bool changes = binding.isInput && range != engine.shapes().end();
  return (changes ? toString(range->second.min) + " to " : "") + toString(binding.shape);
}

Json inspectionJson(const Engine& engine, const std::string& model) {
  Json json{{"model", model}, {"device", engine.device().caps().name}};
  json["bindings"] = Json::array();
  for (const Binding& binding : engine.bindings()) json["bindings"].push_back(bindingJson(engine, binding));
  const MemoryUse& memory = engine.memory();
  json["memory_bytes"] = {{"weights", memory.weights},
                          {"activations", memory.activations},
                          {"bindings", memory.bindings},
                          {"workspace", memory.workspace}};
  json["tactics"] = tacticsJson(engine.tuning());
  json["layers"] = Json::array();
  for (const LayerInfo& layer : engine.layers())
    json["layers"].push_back({{"name", layer.name},
                              {"op", layer.op},
                              {"family", layer.family},
                              {"tactic", layer.tactic},
                              {"precision", layer.precision},
                              {"operations", layer.operations},
                              {"bytes", layer.bytes}});
  if (engine.precision() == Precision::Int8) json["int8_share"] = int8Share(engine.precisions());
  for (const LayerPrecision& layer : engine.precisions())
    json["precisions"].push_back({{"name", layer.layer},
                                  {"op", layer.op},
                                  {"precision", toString(layer.precision)},
                                  {"reason", layer.reason},
                                  {"multiply_adds", layer.multiplyAdds}});
  return json;
}

void printLayers(const Engine& engine) {
  std::size_t width = 5;
  for (const LayerInfo& layer : engine.layers())
    width = std::max(width, std::min<std::size_t>(layer.name.size(), 40));
  fmt::print("{:<{}}  {:<16}{:<24}{:<10}{:>10}  {}\n", "layer", width, "operator", "family", "precision",
             "MFLOP", "tactic");
  double operations = 0;
  for (const LayerInfo& layer : engine.layers()) {
    operations += layer.operations;
    fmt::print("{:<{}}  {:<16}{:<24}{:<10}{:>10.2f}  {}\n", layer.name.substr(0, 40), width, layer.op,
               layer.family, layer.precision, layer.operations * 1e-6, layer.tactic);
  }
  fmt::print("{} layers, {:.3f} GFLOP\n", engine.layers().size(), operations * 1e-9);
}

// INT8: which layers of the network run in it, and why the others do not.
void printPrecisions(const Engine& engine) {
  std::size_t width = 5;
  for (const LayerPrecision& layer : engine.precisions())
    width = std::max(width, std::min<std::size_t>(layer.layer.size(), 40));
  fmt::print("\n{:<{}}  {:<16}{:<10}{:>8}  {}\n", "layer", width, "operator", "precision", "MMAC", "reason");
  for (const LayerPrecision& layer : engine.precisions())
    fmt::print("{:<{}}  {:<16}{:<10}{:>8.2f}  {}\n", layer.layer.substr(0, 40), width, layer.op,
               toString(layer.precision), layer.multiplyAdds * 1e-6, layer.reason);
  fmt::print("{:.1f} % of the multiply-adds in INT8\n", int8Share(engine.precisions()) * 100);
}

int inspect(const InspectOptions& options, const CommonOptions& common) {
  if (options.raw || options.graph) {
    if (!common.json.empty()) throw UsageError("--json goes with the layers, not with --raw or --graph.");
    Graph graph = options.engine.load();
    if (options.graph) optimize(graph, options.engine.options(common).passes);
    std::fputs(graph.text().c_str(), stdout);
    return kDone;
  }
  const auto engine = options.engine.build(common);
  const std::string model = modelName(options.engine.model);
  if (options.steps) {
    std::fputs(engine->text().c_str(), stdout);
  } else {
    fmt::print("{} on {}\n", model, engine->device().caps().name);
    for (const Binding& binding : engine->bindings())
      fmt::print("{:<7}{}  {}:{}\n", binding.isInput ? "input" : "output", binding.name,
                 toString(binding.type), shapeText(*engine, binding));
    printLayers(*engine);
    if (!engine->precisions().empty()) printPrecisions(*engine);
    fmt::print("{}\n", tacticsText(engine->tuning()));
    const MemoryUse& memory = engine->memory();
    fmt::print("weights {}, activations {}, bindings {}, workspace {}\n", bytesText(memory.weights),
               bytesText(memory.activations), bytesText(memory.bindings), bytesText(memory.workspace));
  }
  if (!common.json.empty()) writeJson(common.json, inspectionJson(*engine, model));
  return kDone;
}

}  // namespace

Command addInspect(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<InspectOptions>();
  options->engine.add(app);
  auto* raw = app.add_flag("--raw", options->raw, "Print the graph as imported, before any pass, and stop");
  auto* graph = app.add_flag("--graph", options->graph, "Print the optimised graph and stop")->excludes(raw);
  app.add_flag("--steps", options->steps, "Print every step with its operands and layouts")
      ->excludes(raw)
      ->excludes(graph);
  addDeviceOptions(app, common, TuneDefault::Never);
  addOutputOptions(app, common);
  return [options, &common] { return inspect(*options, common); };
}

}  // namespace tessera::app
