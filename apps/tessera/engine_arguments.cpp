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
  std::string names;
  for (const Pass& pass : allPasses()) names += (names.empty() ? "" : ", ") + std::string(pass.name);
  app.add_option("--passes-off", passesOff, "Graph passes to leave out: " + names)
      ->delimiter(',')
      ->type_name("NAMES");
}

Graph EngineArguments::load() const { return loadModel(model, batch); }

EngineOptions EngineArguments::options(const CommonOptions& common) const {
  EngineOptions options = common.engineOptions();
  options.passes.disabled = {passesOff.begin(), passesOff.end()};
  return options;
}

std::string bytesText(std::size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1 << 30) return fmt::format("{:.1f} GiB", value / (1 << 30));
  if (value >= 1 << 20) return fmt::format("{:.1f} MiB", value / (1 << 20));
  return fmt::format("{:.1f} KiB", value / 1024);
}

}  // namespace tessera::app
