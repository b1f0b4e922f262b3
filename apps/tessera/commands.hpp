/// \file
/// The subcommands of the tessera program. Each adds its options and returns what runs it.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "apps/common/freeze.hpp"
#include "apps/common/int8_options.hpp"
#include "apps/common/program.hpp"
#include "apps/common/shapes.hpp"
#include "apps/common/statistics.hpp"
#include "tessera/context.hpp"

namespace tessera::app {

using Command = std::function<int()>;

Command addDevices(CLI::App& app, CommonOptions& common);
Command addInspect(CLI::App& app, CommonOptions& common);
Command addRun(CLI::App& app, CommonOptions& common);
Command addCompare(CLI::App& app, CommonOptions& common);
Command addBench(CLI::App& app, CommonOptions& common);
Command addBuild(CLI::App& app, CommonOptions& common);
Command addPlan(CLI::App& app, CommonOptions& common);
Command addCalibrate(CLI::App& app, CommonOptions& common);

/// Options of the commands that build an engine.
struct EngineArguments {
  std::string model, preprocess;
  std::int64_t batch = 1;
  std::vector<std::string> passesOff;
  FreezeArguments freeze;
  ShapeArguments shapes;
  ShapeRangeArguments ranges;
  Int8Arguments int8;
  bool describe = false;  ///< whether the engine carries the description of its images, as plans do

  /// The app must outlive this. `ranged`: shapes may be given as ranges.
  void add(CLI::App& app, bool ranged = true);
  /// `openShape`: ImportOptions::openShape.
  Graph load(const OpenShape& openShape = {}) const;
  EngineOptions options(const CommonOptions& common) const;
  Sidecar sidecar() const;
  /// The engine, calibrated where the options ask for it; of a plan as it is.
  std::shared_ptr<const Engine> build(const CommonOptions& common, const OpenShape& openShape = {}) const;
  /// Sets the shapes that --shape asks for, where the engine's may change.
  void setShapes(Context& context) const;

 private:
  ImportOptions importOptions(const OpenShape& openShape) const;
  /// An engine whose inputs' shapes may change as --min-shape and --max-shape say.
  std::shared_ptr<const Engine> buildRanged(const Device& device, EngineOptions options,
                                            const OpenShape& openShape) const;
  const CLI::App* app_ = nullptr;  ///< that the options were added to
};

}  // namespace tessera::app
