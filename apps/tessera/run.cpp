// tessera run
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "apps/common/files.hpp"
#include "apps/common/model.hpp"
#include "apps/common/npy.hpp"
#include "apps/tessera/commands.hpp"
#include "apps/tessera/tensors.hpp"

namespace tessera::app {
namespace {

struct RunOptions {
  EngineArguments engine;
  std::vector<std::string> inputs;
  std::string out = ".";
  bool random = false;
};

// A tensor's name as a file's: what a path can not hold becomes '_'.
std::string fileName(const std::string& tensor) {
  std::string name = tensor;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c) && c != '.' && c != '-'; },
      '_');
  return name + ".npy";
}

int run(const RunOptions& options, const CommonOptions& common) {
  const auto engine = options.engine.build(common);
  TensorMap inputs = readInputs(*engine, options.inputs);
  if (options.random)
    for (const Binding& binding : engine->bindings())
      if (binding.isInput && !inputs.count(binding.name)) inputs[binding.name] = randomTensor(binding, 0);
  Context context(engine);
  const auto begin = std::chrono::steady_clock::now();
  const TensorMap outputs = context.run(inputs);
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begin;
  Json json{{"device", engine->device().caps().name}, {"model", modelName(options.engine.model)}};
  for (const auto& [name, value] : outputs) {
    const fs::path file = fs::path(options.out) / fileName(name);
    writeNpy(file, value);
    fmt::print("{}  {}:{}  {}\n", name, toString(value.type), toString(value.shape), file.string());
    json["outputs"][name] = file.string();
  }
  json["milliseconds"] = elapsed.count();
  if (!common.json.empty()) writeJson(common.json, json);
  return kDone;
}

}  // namespace

Command addRun(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<RunOptions>();
  options->engine.add(app);
  app.add_option("--input,-i", options->inputs,
                 "Input as NAME=FILE.npy, or FILE.npy where there is only one");
  app.add_flag("--random", options->random, "Random numbers for the inputs not given");
  app.add_option("--out,-o", options->out, "Folder for the outputs, one .npy each")
      ->type_name("DIR")
      ->capture_default_str();
  addDeviceOptions(app, common);
  addOutputOptions(app, common);
  return [options, &common] { return run(*options, common); };
}

}  // namespace tessera::app
