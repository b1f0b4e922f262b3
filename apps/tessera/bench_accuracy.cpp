// The accuracy beside a speed: against the network in fp32, or as a program measured it on a task.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/common/model.hpp"
#include "apps/tessera/bench.hpp"
#include "apps/tessera/tensors.hpp"

namespace tessera::app {
namespace {

// Of the programs' reports, the metric of a task first.
constexpr std::array kMetrics{"miou", "map", "map50", "top1", "top5", "pixel_accuracy"};

Json ofReport(const Engine& engine, const BenchOptions& options) {
  const Json report = readJson(options.accuracy);
  Json json{{"report", options.accuracy}};
  const auto want = [&](const char* key, const std::string& here) {
    if (!report.is_object() || !report.contains(key) || report[key] != here)
      throw Error(ErrorCode::InvalidArgument,
                  options.accuracy + " is no report of this network: its " + key + " is not '" + here + "'.");
  };
  want("precision", std::string(toString(engine.precision())));
  want("model", modelName(options.engine.model));
  for (const char* metric : kMetrics)
    if (report.contains(metric) && report[metric].is_number()) json[metric] = report[metric];
  if (json.size() == 1)
    throw Error(ErrorCode::InvalidArgument,
                options.accuracy + " holds no accuracy: run the program with its annotations.");
  return json;
}

Json distanceOf(const HostTensor& value, const HostTensor& wanted) {
  double signal = 0, noise = 0, most = 0, range = 0;
  for (std::int64_t i = 0; i < wanted.size(); ++i) {
    const double x = value.number(i), y = wanted.number(i), d = std::fabs(x - y);
    if (!std::isfinite(d)) continue;
    signal += y * y, noise += d * d;
    most = std::max(most, d), range = std::max(range, std::fabs(y));
  }
  return {{"relative_rms", signal > 0 ? std::sqrt(noise / signal) : std::sqrt(noise)},
          {"largest_of_range", range > 0 ? most / range : most}};
}

}  // namespace

Json accuracyOf(const Engine& engine, const BenchOptions& options, const CommonOptions& common) {
  if (options.accuracy != "fp32") return ofReport(engine, options);
  if (isPlan(options.engine.model))
    throw UsageError("--accuracy fp32 wants a model, which can be built in fp32; a plan has one precision.");
  CommonOptions plain = common;
  plain.precision = "fp32", plain.tune = "off", plain.json.clear();
  EngineArguments arguments = options.engine;
  arguments.int8 = {};
  const auto reference = arguments.build(plain);
  // The engine lives as long as the caller's.
  Context ours(std::shared_ptr<const Engine>(std::shared_ptr<const Engine>(), &engine)), theirs(reference);
  options.engine.setShapes(ours), options.engine.setShapes(theirs);
  TensorMap inputs;
  for (const Binding& binding : theirs.bindings())
    if (binding.isInput) inputs[binding.name] = randomTensor(binding, 0);
  const TensorMap got = ours.run(inputs), wanted = theirs.run(inputs);
  Json json{{"reference", "fp32, on random inputs"}, {"outputs", Json::object()}};
  for (const auto& [name, value] : wanted) {
    const HostTensor& found = got.at(name);
    if (found.shape == value.shape)
      json["outputs"][name] = distanceOf(found, value);
    else
      json["outputs"][name] = {{"shape", toString(found.shape)}, {"wanted", toString(value.shape)}};
  }
  return json;
}

}  // namespace tessera::app
