/// \file
/// Layers that are better left in fp16, by what that gives per millisecond.
#pragma once

#include <functional>

#include "calib/auto_calibration.hpp"
#include "calib/scale_groups.hpp"

namespace tessera {

/// What a choice of layers in fp16 is made with.
struct FrontierTools {
  /// What is done on the images that choose, and how bad that is.
  std::function<CalibrationDamage(const Calibration&)> damage;
  std::function<double(const CalibrationDamage&)> harm;
  /// Fills in `damage` and `worst`: of draws of other images.
  std::function<void(const Calibration&, Fp16Choice&)> judge;
  /// A calibration whose halfLayers were changed, with ranges as those let them be.
  std::function<Calibration(Calibration)> complete;
};

/// Layers that read one scale, and what fp16 gives them.
struct Fp16Gain {
  const ScaleGroup* group = nullptr;
  double gain = 0;           ///< of harm
  double milliseconds = 0;   ///< that fp16 takes longer, by the layers' own times
  CalibrationDamage damage;  ///< that is left
};

/// The groups that gain at all, most per millisecond first: `count` of them, the noisiest, are tried.
std::vector<Fp16Gain> gainsInFp16(const std::vector<ScaleGroup>& groups, const Calibration& base, int count,
                                  DamageMeter& meter, const FrontierTools& tools,
                                  const std::function<void(int done, int total)>& progress);

/// What groups give alone in fp16, most first, with the time of a run then: the first `count` of `groups` are
/// tried.
std::vector<Fp16Choice> harmfulLayers(const std::vector<ScaleGroup>& groups, const Calibration& base,
                                      int count, DamageMeter& meter, const FrontierTools& tools,
                                      const std::function<void(int done, int total)>& progress);

/// From no layer in fp16 to as many as `share` of the multiply-adds allows, in the order of the gains; every
/// choice is judged and timed. `calibrations` gets what belongs to each.
std::vector<Fp16Choice> fp16Frontier(const std::vector<Fp16Gain>& gains, const Calibration& base,
                                     double share, DamageMeter& meter, const FrontierTools& tools,
                                     std::vector<Calibration>& calibrations);

}  // namespace tessera
