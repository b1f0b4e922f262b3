// tessera run
#include <spdlog/fmt/fmt.h>

#include <chrono>

#include "apps/common/files.hpp"
#include "apps/common/model.hpp"
#include "apps/common/names.hpp"
#include "apps/common/npy.hpp"
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
};

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
  if (!common.json.empty()) writeJson(common.json, json);
  return kDone;
}

}  // namespace

Command addRun(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<RunOptions>();
  options->engine.add(app);
  app.add_option(
         "--input,-i", options->inputs,
         "Input as NAME=FILE.npy, or FILE.npy where there is only one; open extents are as in the file")
      ->type_name("[NAME=]FILE.npy");
  app.add_flag("--random", options->random, "Random numbers for the inputs not given");
  app.add_flag(
      "--checksum", options->checksum,
      "Print XXH3 (64 bits) of each output's bytes: equal on every device for networks wholly in INT8");
  app.add_option("--out,-o", options->out, "Folder for the outputs, one .npy each")
      ->type_name("DIR")
      ->capture_default_str();
  addDeviceOptions(app, common, TuneDefault::Cached);
  addOutputOptions(app, common);
  return [options, &common] { return run(*options, common); };
}

}  // namespace tessera::app
