// tessera run
#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <cmath>

#include "apps/common/files.hpp"
#include "apps/common/model.hpp"
#include "apps/common/names.hpp"
#include "apps/common/npy.hpp"
#include "apps/common/numbers.hpp"
#include "apps/tessera/commands.hpp"
#include "apps/tessera/tensors.hpp"
#include "base/hex.hpp"

namespace tessera::app {
namespace {

struct RunOptions {
  EngineArguments engine;
  std::vector<std::string> inputs;
  std::string out = ".";
  bool random = false, checksum = false;
  std::vector<std::string> references;
  double absolute = 1e-5, relative = 1e-3;
};

// |x - y| <= absolute + relative * |y|, element by element, as numpy's allclose.
struct Agreement {
  std::int64_t beyond = 0, at = -1;  // elements that are not, and the worst of them
  double largest = 0;                // difference
};
Agreement agreementOf(const HostTensor& value, const HostTensor& wanted, const RunOptions& options) {
  Agreement found;
  double worst = 0;
  for (std::int64_t i = 0; i < wanted.size(); ++i) {
    const double x = value.number(i), y = wanted.number(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double difference = std::fabs(x - y);
    const double over = difference - options.absolute - options.relative * std::fabs(y);
    if (std::isfinite(difference)) found.largest = std::max(found.largest, difference);
    if (over <= 0) continue;
    ++found.beyond;
    const double rank = std::isnan(over) ? HUGE_VAL : over;
    if (found.at < 0 || rank > worst) worst = rank, found.at = i;
  }
  return found;
}

// Whether every output that has a reference agrees with it.
bool agree(const TensorMap& outputs, const RunOptions& options, Json& json) {
  std::vector<std::string> names;
  for (const auto& [name, value] : outputs) names.push_back(name);
  bool all = true;
  for (const auto& [name, file] : InputArguments(options.references).files(names, "output")) {
    const HostTensor& value = outputs.at(name);
    const NpyArray array = readNpyArray(file);
    if (array.shape != value.shape) {
      fmt::print("{}  differs from {}: it is {}, the reference {}\n", name, file, toString(value.shape),
                 toString(array.shape));
      json["compared"][name] = {{"agrees", false}, {"shape", toString(array.shape)}};
      all = false;
      continue;
    }
    const HostTensor wanted = array.tensor(value.type);
    const Agreement found = agreementOf(value, wanted, options);
    json["compared"][name] = {
        {"agrees", found.beyond == 0}, {"beyond", found.beyond}, {"largest", found.largest}};
    all = all && found.beyond == 0;
    if (found.beyond == 0)
      fmt::print("{}  agrees with {}: largest difference {:.3g}\n", name, file, found.largest);
    else
      fmt::print("{}  differs from {}: {} of {} elements, the worst at {}: {:.6g}, wanted {:.6g}\n", name,
                 file, found.beyond, value.size(), found.at, value.number(found.at), wanted.number(found.at));
  }
  return all;
}

int run(const RunOptions& options, const CommonOptions& common) {
  const InputArguments given(options.inputs);
  const auto engine = options.engine.build(
      common,
      [&](const std::string& input, const std::vector<std::int64_t>&) { return given.shapeFor(input); });
  TensorMap inputs = given.read(*engine);
  Context context(engine);
  options.engine.setShapes(context);
  InputShapes ofFiles;
  for (const auto& [name, value] : inputs)
    if (engine->shapes().count(name)) ofFiles[name] = value.shape;
  context.setShapes(ofFiles);
  if (options.random)
    for (const Binding& binding : context.bindings())
      if (binding.isInput && !inputs.count(binding.name)) inputs[binding.name] = randomTensor(binding, 0);
  const auto begin = std::chrono::steady_clock::now();
  const TensorMap outputs = context.run(inputs);
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begin;
  Json json{{"device", engine->device().caps().name}, {"model", modelName(options.engine.model)}};
  for (const auto& [name, value] : outputs) {
    const fs::path file = fs::path(options.out) / (fileNameOf(name) + ".npy");
    writeNpy(file, value);
    fmt::print("{}  {}:{}  {}\n", name, toString(value.type), toString(value.shape), file.string());
    json["outputs"][name] = file.string();
    if (!options.checksum) continue;
    const auto* bytes = reinterpret_cast<const char*>(value.data.data());
    const std::string sum = hexText(textHash({bytes, value.data.size()}));
    fmt::print("{}  checksum {}\n", name, sum);
    json["checksums"][name] = sum;
  }
  json["milliseconds"] = elapsed.count();
  const bool right = agree(outputs, options, json);
  if (!common.json.empty()) writeJson(common.json, json);
  return right ? kDone : kFailed;
}

}  // namespace

Command addRun(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<RunOptions>();
  options->engine.add(app);
  app.add_option("--input,-i", options->inputs, "Inputs; open extents are as in the file")
      ->type_name("[NAME=]FILE.npy");
  app.add_flag("--random", options->random, "Random numbers for the inputs not given");
  app.add_flag("--checksum", options->checksum, "Print XXH3 of each output: equal everywhere in INT8");
  app.add_option("--out,-o", options->out, "Folder for the outputs, one .npy each")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--compare", options->references,
                 "Compare outputs with files; exit code 1 where one differs")
      ->type_name("[NAME=]FILE.npy");
  app.add_option("--atol", options->absolute, "With --compare: |x - y| may be this and --rtol |y|")
      ->check(number(0.0, 1e300))
      ->capture_default_str();
  app.add_option("--rtol", options->relative, "See --atol")->check(number(0.0, 1e300))->capture_default_str();
  addDeviceOptions(app, common, TuneDefault::Cached);
  addOutputOptions(app, common);
  return [options, &common] { return run(*options, common); };
}

}  // namespace tessera::app
