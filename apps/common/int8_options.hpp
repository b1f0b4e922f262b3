/// \file
/// INT8 on the command line: where scales come from, and which layers stay in fp32.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/common/model.hpp"
#include "apps/common/program.hpp"
#include "tessera/calibrator.hpp"

namespace tessera::app {

struct Int8Arguments {
  std::vector<std::string> images;  ///< folders, lists, images to calibrate from
  std::string cache;                ///< read where it exists and no images are given; else written
  std::string cacheFormat = "tessera", method = "auto";
  std::vector<std::string> keepFp32;
  bool keepFirstLast = false;
  bool deterministic = false;    ///< EngineOptions::deterministic
  std::string rest = "fp32";     ///< PrecisionOptions::rest
  std::string choice = "rules";  ///< PrecisionChoice
  int limit = 100, batch = 1;
  double fp32Share = 0;  ///< of the multiply-adds that `auto` may leave in fp32
  double fp16Share = 0;  ///< or in fp16
  unsigned seed = 0;

  /// Adds --calibration-images, --calibration-cache and their kin.
  void add(CLI::App& app);
  PrecisionOptions layerPrecision() const;
};

/// Calibrates with a progress bar and writes the cache. Throws Error(InvalidArgument) where there are no
/// images.
CalibrationResult calibrateFromImages(const Int8Arguments& arguments, const Graph& graph,
                                      const Sidecar& sidecar, const Device& device,
                                      const EngineOptions& engine);

/// Ranks layers by what each costs alone in INT8, on `count` batches of the calibration images.
std::vector<LayerSensitivity> rankLayersOnImages(const Int8Arguments& arguments, const Graph& graph,
                                                 const Sidecar& sidecar, const Device& device,
                                                 const Calibration& calibration, int count,
                                                 const EngineOptions& engine);

/// Fills in what INT8 needs: calibrates where images are given, else reads the cache; neither is left to
/// models that carry their own scales. `sidecar` is asked for only where there are images.
void completeInt8(const Int8Arguments& arguments, const Graph& graph, const std::function<Sidecar()>& sidecar,
                  const Device& device, EngineOptions& options);

}  // namespace tessera::app
