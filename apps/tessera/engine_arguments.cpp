// Options of the commands that build an engine.
#include <spdlog/fmt/fmt.h>

#include "apps/common/model.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {

void EngineArguments::add(CLI::App& app) {
  app.add_option("model,--model", model, "model.onnx, or net.prototxt,net.caffemodel")
      ->required()
      ->type_name("M");
  app.add_option("--batch", batch, "Batch size")->check(CLI::Range(1, 4096))->capture_default_str();
  freeze.add(app);
  std::string names;
  for (const Pass& pass : allPasses()) names += (names.empty() ? "" : ", ") + std::string(pass.name);
  app.add_option("--passes-off", passesOff, "Graph passes to leave out: " + names)
      ->delimiter(',')
      ->type_name("NAMES");
  app.add_option("--preprocess", preprocess,
                 "How images become the input, to calibrate from them (default: the model's .json)")
      ->type_name("FILE");
  int8.add(app);
}

Graph EngineArguments::load() const {
  ImportOptions options;
  freeze.apply(options);
  return loadModel(model, batch, std::move(options));
}

EngineOptions EngineArguments::options(const CommonOptions& common) const {
  EngineOptions options = common.engineOptions();
  options.passes.disabled = {passesOff.begin(), passesOff.end()};
  return options;
}

Sidecar EngineArguments::sidecar() const { return sidecarFor(model, preprocess); }

std::shared_ptr<const Engine> EngineArguments::build(const CommonOptions& common) const {
  Graph graph = load();
  const Device device = common.selectDevice();
  EngineOptions engineOptions = options(common);
  completeInt8(int8, graph, [&] { return sidecar(); }, device, engineOptions);
  return Engine::build(std::move(graph), device, engineOptions);
}

}  // namespace tessera::app
