// Options, descriptions and networks of programs for images.
#include "apps/common/image_program.hpp"

#include <spdlog/logger.h>

#include <algorithm>

#include "apps/common/int8_report.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/plans.hpp"
#include "apps/common/ranged_model.hpp"
#include "apps/common/video_frames.hpp"
#include "tessera/log.hpp"

namespace tessera::app {

void addImageOptions(CLI::App& app, ImageOptions& options, const ImageArguments& wants) {
  const OptionGroup group(app, "Images");
  options.app = &app;
  options.ownSizes = wants.sizes;
  options.presets = wants.presets;
  app.add_option("--model,-m", options.model, "ONNX, .pb, .tflite, .uff, prototxt,caffemodel, or a plan")
      ->required()
      ->type_name("M");
  app.add_option("--images,-i", options.images, "Images and folders of images")->type_name("PATH..");
  if (wants.videos)
    app.add_option("--video", options.videos, "Videos; their results become videos")->type_name("FILE..");
  app.add_option("--out,-o", options.out, "Folder for " + wants.results)->type_name("DIR");
  app.add_option("--labels", options.labels, "Classes: cityscapes, camvid, coco, or a file of names")
      ->type_name("NAME");
  app.add_option("--preprocess", options.preprocess, "How images become the input (else the model's .json)")
      ->type_name("FILE");
  if (wants.presets) {
    std::vector<std::string> names;
    std::string list;
    for (const Preset& preset : tessera::presets()) {
      names.emplace_back(preset.name);
      list += (list.empty() ? "" : ", ") + names.back();
    }
    CLI::IsMember known(names);
    known.description("");
    app.add_option("--preset", options.preset, "A usual export: " + list)->check(known)->type_name("NAME");
  }
  app.add_option("--max-batch", options.maxBatch, "Images at a time")
      ->check(number(1, 256))
      ->capture_default_str();
  app.add_option("--streams", options.streams, "Batches that are computed at a time")
      ->check(number(1, 64))
      ->capture_default_str();
}

void addEngineOptions(CLI::App& app, ImageOptions& options) {
  {
    const OptionGroup group(app, "Model");
    options.shapes.add(app);
    options.ranges.add(app);
    options.freeze.add(app);
  }
  addDeviceOptions(app, options.common, TuneDefault::Serving);
  options.int8.add(app);
  addOutputOptions(app, options.common);
}

std::optional<LabelSet> labelsFor(const ImageOptions& options, const Sidecar& sidecar) {
  if (!options.labels.empty()) return loadLabels(options.labels);
  if (!sidecar.labelList.is_null()) return labelsOf(sidecar.labelList, sidecar.file.parent_path().string());
  return std::nullopt;
}

std::vector<Binding> bindingsOf(const Graph& graph) {
  std::vector<Binding> bindings;
  for (const TensorId id : graph.inputs())
    bindings.push_back({graph.tensor(id).name, graph.tensor(id).type, graph.tensor(id).shape, true});
  for (const TensorId id : graph.outputs())
    bindings.push_back({graph.tensor(id).name, graph.tensor(id).type, graph.tensor(id).shape, false});
  return bindings;
}

namespace {

// The network, for images of the description's size where it leaves that open, else for the first image's.
Graph importBatch(std::int64_t batch, const ImageOptions& options, const Sidecar& sidecar,
                  const std::vector<ImageFile>& files, const InputShapes& at) {
  ImportOptions importing;
  importing.inputShapes = options.shapes.shapes();
  importing.decodeEnds = true;
  options.freeze.apply(importing);
  cv::Size size;
  const ImagePreprocess& how = sidecar.preprocess;
  const auto fill = [&](const std::string& name,
                        const std::vector<std::int64_t>& declared) -> std::optional<Shape> {
    if (!sidecar.input.empty() && name != sidecar.input) return std::nullopt;
    if (how.height > 0) return imageShapeFor(declared, batch, how.height, how.width, how.channels());
    const auto open = [](std::int64_t e) { return e < 0; };
    if (!declared.empty() && std::none_of(declared.begin() + 1, declared.end(), open)) return std::nullopt;
    size = firstSize(files, options.videos);
    return imageShapeFor(declared, batch, size.height, size.width, how.channels());
  };
  importing.openShape = fill;
  if (!options.ranges.empty()) options.ranges.apply(importing, at);
  try {
    return loadModel(options.model, batch, importing);
  } catch (const Error& e) {
    if (size.empty()) throw;
    throw Error(e.code(),
                sentence("The model was taken for images of " + std::to_string(size.height) + "x" +
                         std::to_string(size.width) +
                         ", the size of the first one (others: input.size in the description, or --shape): " +
                         e.what()));
  }
}

// For --max-batch images at a time; a model that can not take as many runs in its own batch.
Graph importNetwork(const ImageOptions& options, const Sidecar& sidecar, const std::vector<ImageFile>& files,
                    const InputShapes& at = {}) {
  try {
    return importBatch(options.maxBatch, options, sidecar, files, at);
  } catch (const Error& e) {
    if (options.maxBatch == 1) throw;
    std::optional<Graph> own;
    try {
      own = importBatch(1, options, sidecar, files, at);
    } catch (const Error&) {  // it is not the batch that is wrong
    }
    if (!own) throw;
    const Shape& shape = own->tensor(own->inputs().at(0)).shape;
    log().warn("{} runs in its own batch of {}, not in one of {}: {}", modelName(options.model),
               shape.empty() ? 1 : shape[0], options.maxBatch, e.what());
    return *std::move(own);
  }
}

}  // namespace

namespace {

// A model that can not be used is said before a description of its images is asked for.
Sidecar sidecarOf(const ImageOptions& options, const std::vector<ImageFile>& files) {
  const bool described =
      !options.preprocess.empty() || !options.preset.empty() || findSidecar(options.model).has_value();
  if (!described) (void)importBatch(1, options, Sidecar(), files, options.ranges.largest());
  return sidecarFor(options.model, options.preprocess, options.preset, options.presets ? "--preset" : "");
}

}  // namespace

ImageNetwork openNetwork(const ImageOptions& options, const std::vector<ImageFile>& files,
                         const std::string& task) {
  const Device device = options.common.selectDevice();
  requireModelFiles(options.model);
  requireOwnResultFile(options.common.json, options.model);
  std::shared_ptr<const Engine> engine;
  if (isPlan(options.model))
    engine =
        loadPlan(options.model, *options.app, options.common, device, options.common.engineOptions().tuning);
  else
    requireNoSelfCheck(options.model, options.common);
  Sidecar sidecar = engine ? sidecarOfPlan(*engine, options.model, options.preprocess, options.preset)
                           : sidecarOf(options, files);
  if (!sidecar.task.empty() && sidecar.task != task)
    throw Error(ErrorCode::InvalidArgument,
                sidecar.where() + " describes a network for " + sidecar.task + ", not for " + task + ".");
  const bool ranged =
      engine && std::ranges::any_of(engine->shapes(), [](const auto& input) {
        const auto& [least, opt, most] = input.second;
        return most.size() == 4 && !std::equal(least.begin() + 1, least.end(), most.begin() + 1);
      });
  if (!options.shapes.empty() || !options.ranges.empty() || ranged)
    sidecar.preprocess.height = sidecar.preprocess.width = 0;  // the command line decides
  if (!options.ranges.empty() && options.maxBatch != 1)
    throw UsageError("--max-batch goes with one shape: --max-shape has the largest batch.");
  Graph graph = engine ? engine->graph() : importNetwork(options, sidecar, files, options.ranges.largest());
  return {device, std::move(sidecar), std::move(graph), std::move(engine)};
}

namespace {

std::shared_ptr<const Engine> buildRanged(const ImageOptions& options, const ImageNetwork& network,
                                          EngineOptions engineOptions) {
  const auto importAt = [&](const InputShapes& at) {
    return importNetwork(options, network.sidecar, {}, at);
  };
  const RangedModel ranged = rangedModel(options.model, options.ranges, options.shapes, importAt);
  for (const auto& [name, range] : ranged.profile) {
    if (!range.min.empty() && std::equal(range.min.begin() + 1, range.min.end(), range.max.begin() + 1))
      continue;
    if (options.ownSizes && range.max.size() == 4 && range.max[0] == 1) continue;
    throw UsageError(
        options.ownSizes
            ? "Images of sizes of their own go through the network one at a time: the shapes of '" + name +
                  "' that --min-shape and --max-shape give need a first extent of 1."
            : "The images become one size, so only their number may change: the shapes of '" + name +
                  "' that --min-shape and --max-shape give differ in more than the first extent.");
  }
  engineOptions.shapes = ranged.profile;
  completeInt8(
      options.int8, ranged.largest, [&] { return network.sidecar; }, network.device, engineOptions);
  return Engine::build(GraphSource(importAt), network.device, engineOptions);
}

}  // namespace

std::shared_ptr<const Engine> buildEngine(const ImageOptions& options, ImageNetwork& network) {
  if (!network.engine && !options.ranges.empty())
    network.engine = buildRanged(options, network, options.common.engineOptions());
  if (!network.engine) {
    EngineOptions engineOptions = options.common.engineOptions();
    completeInt8(
        options.int8, network.graph, [&] { return network.sidecar; }, network.device, engineOptions);
    network.engine = Engine::build(network.graph, network.device, engineOptions);
  }
  printInt8Share(*network.engine);
  return network.engine;
}

void explained(const ImageOptions& options, const ImageNetwork& network,
               const std::function<void()>& prepare) {
  try {
    prepare();
  } catch (const Error& e) {
    const bool inside = network.sidecar.file == options.model;  // a plan's own description
    throw Error(e.code(), sentence(modelName(options.model) +
                                   (inside ? "" : " with " + network.sidecar.where()) + ": " + e.what()));
  }
}

}  // namespace tessera::app
