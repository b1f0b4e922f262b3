// tessera build
#include <spdlog/fmt/fmt.h>

#include <chrono>

#include "apps/common/model.hpp"
#include "apps/common/tactics.hpp"
#include "apps/tessera/commands.hpp"
#include "tessera/plan.hpp"

namespace tessera::app {
namespace {

struct BuildOptions {
  EngineArguments engine;
  std::string out;
  bool append = false;
  SaveOptions save;
};

int makePlan(const BuildOptions& options, const CommonOptions& common) {
  const auto begin = std::chrono::steady_clock::now();
  const auto engine = options.engine.build(common);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  if (options.append)
    appendToPlan(*engine, options.out, options.save);
  else
    savePlan(*engine, options.out, options.save);
  const auto bytes = fs::file_size(options.out);
  fmt::print("{}: {} in {}, {}, for {}; built in {:.1f} s, {}\n", options.out, engine->name(),
             toString(engine->precision()), bytesText(bytes), engine->device().caps().name, elapsed.count(),
             tacticsText(engine->tuning()));
  if (common.json.empty()) return kDone;
  writeJson(common.json, {{"plan", options.out},
                          {"bytes", bytes},
                          {"model", modelName(options.engine.model)},
                          {"device", engine->device().caps().name},
                          {"precision", toString(engine->precision())},
                          {"seconds", elapsed.count()},
                          {"tactics", tacticsJson(engine->tuning())}});
  return kDone;
}

}  // namespace

Command addBuild(CLI::App& app, CommonOptions& common) {
  auto options = std::make_shared<BuildOptions>();
  options->engine.add(app);
  options->engine.describe = true;
  app.add_option("--out,-o", options->out, "The plan to write")->required()->type_name("FILE");
  app.add_flag("--append", options->append, "Add this device to the plan that is there, of the same network");
  app.add_flag("!--no-programs", options->save.programs, "Smaller; kernels are compiled at every start");
  app.add_flag("!--no-packed-weights", options->save.weights, "Smaller; weights are packed at every start");
  addDeviceOptions(app, common);
  addOutputOptions(app, common);
  return [options, &common] { return makePlan(*options, common); };
}

}  // namespace tessera::app
