// tessera compare
#include "tessera/compare.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "apps/common/files.hpp"
#include "apps/common/model.hpp"
#include "apps/common/numbers.hpp"
#include "apps/tessera/commands.hpp"
#include "apps/tessera/tensors.hpp"
#include "tessera/plan.hpp"

namespace tessera::app {
namespace {

struct CompareArguments {
  EngineArguments engine;
  std::string other, otherPrecision, otherDevice;
  std::vector<std::string> inputs;
  CompareOptions options;
  unsigned seed = 0;
  int layers = 20;
};

std::shared_ptr<const Engine> sideOf(EngineArguments arguments, const CommonOptions& common) {
  requireModelFiles(arguments.model);
  if (isPlan(arguments.model))
    return loadPlan(arguments.model, common.selectDevice(), common.engineOptions().tuning);
  if (common.precision != "int8") arguments.int8 = {};  // they are for the other side
  return arguments.build(common);
}

Json differenceJson(const TensorDifference& difference) {
  return {{"relative", difference.relative}, {"largest", difference.largest}};
}

Json reportJson(const Comparison& found) {
  Json json{{"layers", Json::array()}, {"outputs", Json::object()}, {"not_compared", found.notCompared}};
  for (const LayerDifference& layer : found.layers) {
    Json entry{{"name", layer.layer},
               {"tensor", layer.tensor},
               {"a", layer.a},
               {"b", layer.b},
               {"accumulated", differenceJson(layer.accumulated)}};
    entry["isolated"] = layer.isolated ? differenceJson(*layer.isolated) : Json();
    entry["bad"] = layer.bad;
    json["layers"].push_back(std::move(entry));
  }
  for (const LayerDifference& output : found.outputs)
    json["outputs"][output.layer] = differenceJson(output.accumulated);
  json["first_bad"] = found.firstBad ? Json(found.layers[*found.firstBad].layer) : Json();
  return json;
}

std::string isolatedText(const LayerDifference& layer) {
  return layer.isolated ? fmt::format("{:.2e}", layer.isolated->relative) : "-";
}

void printLayers(const Comparison& found, int most) {
  // The worst, in the network's order.
  std::vector<std::size_t> order(found.layers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto own = [&](std::size_t i) {
    const LayerDifference& layer = found.layers[i];
    return layer.isolated ? layer.isolated->relative : layer.accumulated.relative;
  };
  std::ranges::stable_sort(order, std::greater{}, own);
  if (order.size() > static_cast<std::size_t>(most)) order.resize(static_cast<std::size_t>(most));
  std::ranges::sort(order);
  fmt::print("{:<40}{:<24}{:<24}{:>10}{:>13}\n", "layer", "A", "B", "isolated", "accumulated");
  for (const std::size_t i : order) {
    const LayerDifference& layer = found.layers[i];
    fmt::print("{:<40}{:<24}{:<24}{:>10}{:>13.2e}{}\n", layer.layer.substr(0, 39), layer.a.substr(0, 23),
               layer.b.substr(0, 23), isolatedText(layer), layer.accumulated.relative,
               layer.bad ? "  bad" : "");
  }
  if (order.size() < found.layers.size())
    fmt::print("and {} more, less different (--layers)\n", found.layers.size() - order.size());
  if (!found.notCompared.empty())
    fmt::print("{} layers of B have no counterpart in A\n", found.notCompared.size());
  for (const LayerDifference& output : found.outputs)
    fmt::print("output {:<33}{:>71.2e}\n", output.layer.substr(0, 32), output.accumulated.relative);
}

int compare(const CompareArguments& arguments, const CommonOptions& common) {
  const auto a = sideOf(arguments.engine, common);
  EngineArguments second = arguments.engine;
  second.model = arguments.other.empty() ? arguments.engine.model : arguments.other;
  CommonOptions other = common;
  if (!arguments.otherPrecision.empty()) other.precision = arguments.otherPrecision;
  if (!arguments.otherDevice.empty()) other.device = arguments.otherDevice;
  const auto b = sideOf(second, other);
  TensorMap inputs = InputArguments(arguments.inputs).read(*a);
  Context ours(a), theirs(b);
  for (const auto& [name, value] : inputs) {
    if (a->shapes().count(name)) ours.setShape(name, value.shape);
    if (b->shapes().count(name)) theirs.setShape(name, value.shape);
  }
  for (const Binding& binding : ours.bindings())
    if (binding.isInput && !inputs.count(binding.name))
      inputs[binding.name] = randomTensor(binding, arguments.seed);
  const Comparison found = compareRuns(ours, theirs, inputs, arguments.options);
  fmt::print("A  {}, {}, {}\nB  {}, {}, {}\n\n", modelName(arguments.engine.model), toString(a->precision()),
             a->device().caps().name, modelName(second.model), toString(b->precision()),
             b->device().caps().name);
  printLayers(found, arguments.layers);
  if (!common.json.empty()) writeJson(common.json, reportJson(found));
  if (!found.firstBad) {
    fmt::print("\nno layer is bad\n");
    return kDone;
  }
  const LayerDifference& bad = found.layers[*found.firstBad];
  fmt::print("\nfirst bad layer: {} ('{}'), isolated {}, accumulated {:.2e}\n", bad.layer, bad.tensor,
             isolatedText(bad), bad.accumulated.relative);
  return kFailed;
}

}  // namespace

Command addCompare(CLI::App& app, CommonOptions& common) {
  auto arguments = std::make_shared<CompareArguments>();
  arguments->engine.add(app, false);
  app.add_option("other,--other", arguments->other, "Another model or plan of the network; none: M itself")
      ->type_name("B");
  app.add_option("--precision-b", arguments->otherPrecision, "Precision of B; none: as --precision")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}));
  app.add_option("--device-b", arguments->otherDevice, "Device of B; none: as --device")->type_name("SEL");
  app.add_option("--inputs,--input,-i", arguments->inputs, "Inputs; random numbers for the others")
      ->type_name("[NAME=]FILE.npy");
  app.add_option("--seed", arguments->seed, "Of the random inputs")
      ->check(number(0u, 4000000000u))
      ->capture_default_str();
  app.add_option("--tolerance", arguments->options.tolerance,
                 "Difference beyond which a layer is bad; 0: by its types")
      ->check(number(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--layers", arguments->layers, "Most different layers to show")
      ->check(number(0, 1000000))
      ->capture_default_str();
  addDeviceOptions(app, common, TuneDefault::Cached);
  addOutputOptions(app, common);
  return [arguments, &common] { return compare(*arguments, common); };
}

}  // namespace tessera::app
