/// \file
/// What the programs that run a network on images and videos share: options, and the network with its
/// description.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/common/freeze.hpp"
#include "apps/common/images.hpp"
#include "apps/common/int8_options.hpp"
#include "apps/common/labels.hpp"
#include "apps/common/model.hpp"
#include "apps/common/program.hpp"
#include "apps/common/shapes.hpp"

namespace tessera::app {

/// Asked for on the command line, with the same words in each program.
struct ImageOptions {
  const CLI::App* app = nullptr;  ///< that the options were added to
  CommonOptions common;
  Int8Arguments int8;
  FreezeArguments freeze;
  ShapeArguments shapes;
  ShapeRangeArguments ranges;  ///< the number of images may change, or with `ownSizes` the size of each
  bool ownSizes = false;       ///< ImageArguments::sizes
  bool presets = false;        ///< ImageArguments::presets
  std::string model, preprocess, preset, labels, out;
  std::vector<std::string> images, videos;
  std::int64_t maxBatch = 1;
  int streams = 1;  ///< contexts that run at a time
};

/// Which of the options below a program takes.
struct ImageArguments {
  std::string results;   ///< what goes to --out
  bool videos = false;   ///< --video
  bool presets = false;  ///< --preset
  bool sizes = false;    ///< each image may go through the network at a size of its own
};
/// Adds --model, --images, --video, --out, --labels, --preprocess, --preset, --max-batch, --streams.
void addImageOptions(CLI::App& app, ImageOptions& options, const ImageArguments& wants);
/// Adds what every program that builds an engine has.
void addEngineOptions(CLI::App& app, ImageOptions& options);

/// A network for images, not built yet where it is no plan's.
struct ImageNetwork {
  Device device;
  Sidecar sidecar;
  Graph graph;
  std::shared_ptr<const Engine> engine;  ///< of a plan; null: to be built
};

/// Finds the description, which is to be for `task`, and imports the model; where it leaves its images' size
/// open that is the description's, else the first image's. Throws Error(InvalidArgument) or UsageError.
ImageNetwork openNetwork(const ImageOptions& options, const std::vector<ImageFile>& files,
                         const std::string& task);

/// Builds the engine where there is none: minutes of tuning.
std::shared_ptr<const Engine> buildEngine(const ImageOptions& options, ImageNetwork& network);

/// Runs `prepare`; an error in it gets the names of the model and its description.
void explained(const ImageOptions& options, const ImageNetwork& network,
               const std::function<void()>& prepare);

/// Of --labels, else of the description; none where neither has any.
std::optional<LabelSet> labelsFor(const ImageOptions& options, const Sidecar& sidecar);

/// Inputs, then outputs, of a network that is not built yet.
std::vector<Binding> bindingsOf(const Graph& graph);

}  // namespace tessera::app
