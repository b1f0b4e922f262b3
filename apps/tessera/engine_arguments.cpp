// Options of the commands that build an engine.
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "apps/common/int8_report.hpp"
#include "apps/common/model.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/plans.hpp"
#include "apps/common/ranged_model.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {

void EngineArguments::add(CLI::App& app, bool ranged) {
  app_ = &app;
  app.add_option("model,--model", model, "ONNX, .pb, .tflite, .uff, prototxt,caffemodel, or a plan")
      ->required()
      ->type_name("M");
  app.add_option("--batch", batch, "Batch size")->check(number(1, 4096))->capture_default_str();
  shapes.add(app);
  if (ranged) ranges.add(app);
  freeze.add(app);
  app.add_option("--passes-off", passesOff, "Graph passes to leave out, by name (docs/passes.md)")
      ->delimiter(',')
      ->type_name("NAMES");
  app.add_option("--preprocess", preprocess,
                 "How calibration images become the input (else the model's .json)")
      ->type_name("FILE");
  int8.add(app);
}

ImportOptions EngineArguments::importOptions(const OpenShape& openShape) const {
  ImportOptions options;
  options.inputShapes = shapes.shapes();
  freeze.apply(options);
  options.decodeEnds = describe && (!preprocess.empty() || findSidecar(model));  // for programs with images
  options.openShape = openShape;
  if (!openShape &&
      !int8.images.empty())  // images to calibrate from have the size that their description says
    if (const ImagePreprocess how = sidecar().preprocess; how.height > 0)
      options.openShape = [this, how](const std::string&, const std::vector<std::int64_t>& declared) {
        return imageShapeFor(declared, batch, how.height, how.width);
      };
  return options;
}

Graph EngineArguments::load(const OpenShape& openShape) const {
  requireModelFiles(model);
  if (isPlan(model))
    throw UsageError(model +
                     " is a plan, whose network is optimised and in its precision; this wants a model.");
  if (!ranges.empty())
    throw UsageError("--min-shape and --max-shape go with an engine; this looks at one shape: --shape.");
  return loadModel(model, batch, importOptions(openShape));
}

EngineOptions EngineArguments::options(const CommonOptions& common) const {
  EngineOptions options = common.engineOptions();
  options.passes.disabled = {passesOff.begin(), passesOff.end()};
  return options;
}

Sidecar EngineArguments::sidecar() const {
  Sidecar described = sidecarFor(model, preprocess, {}, R"({"preset": "NAME"})");
  if (!shapes.empty())
    described.preprocess.height = described.preprocess.width = 0;  // the command line decides
  return described;
}

void EngineArguments::setShapes(Context& context) const {
  const ShapeProfile& profile = context.engine().shapes();
  if (shapes.empty() || profile.empty()) return;
  InputShapes wanted;
  for (const auto& [name, shape] : shapes.shapes()) {
    if (name != "*") {
      wanted[name] = shape;
      continue;
    }
    for (const auto& [input, range] : profile)
      if (range.max.size() == shape.size()) wanted.emplace(input, shape);
  }
  context.setShapes(wanted);
}

std::shared_ptr<const Engine> EngineArguments::buildRanged(const Device& device, EngineOptions engineOptions,
                                                           const OpenShape& openShape) const {
  if (batch != 1) throw UsageError("--batch goes with one shape: --max-shape has the largest batch.");
  const auto importAt = [&](const InputShapes& at) {
    ImportOptions import = importOptions(openShape);
    ranges.apply(import, at);
    return loadModel(model, 1, std::move(import));
  };
  const RangedModel ranged = rangedModel(model, ranges, shapes, importAt);
  engineOptions.shapes = ranged.profile;
  completeInt8(
      int8, ranged.largest, [&] { return sidecar(); }, device, engineOptions);
  auto engine = Engine::build(GraphSource(importAt), device, engineOptions);
  printInt8Share(*engine);
  return engine;
}

std::shared_ptr<const Engine> EngineArguments::build(const CommonOptions& common,
                                                     const OpenShape& openShape) const {
  requireModelFiles(model);
  if (isPlan(model)) {
    const Device device = common.selectDevice();
    auto engine =
        loadPlan(model, *app_, common, device, common.engineOptions().tuning, PlanUse::All, !shapes.empty());
    printInt8Share(*engine);
    return engine;
  }
  requireNoSelfCheck(model, common);
  requireOwnResultFile(common.json, model);
  const Device device = common.selectDevice();
  EngineOptions engineOptions = options(common);
  if (describe)
    if (const auto file = preprocess.empty() ? findSidecar(model) : std::optional<fs::path>(preprocess))
      engineOptions.description = portableDescription(*file);
  if (!ranges.empty()) return buildRanged(device, std::move(engineOptions), openShape);
  Graph graph = load(openShape);
  completeInt8(
      int8, graph, [&] { return sidecar(); }, device, engineOptions);
  auto engine = Engine::build(std::move(graph), device, engineOptions);
  printInt8Share(*engine);
  return engine;
}

}  // namespace tessera::app
