/// \file
/// The search for the best calibration, step by step: what was found so far, and what is tried next.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "calib/auto_calibration.hpp"
#include "calib/channel_scales.hpp"
#include "calib/fp16_frontier.hpp"

namespace tessera {

/// A change is kept where it lowers the damage by this share: less is chance.
constexpr double kWorthwhile = 0.004;

/// Methods compete on the calibration data, then biases, ranges of channels, zero points, single tensors,
/// layers in floats and the rounding of weights, each beside the best of before.
class CalibrationSearch {
 public:
  CalibrationSearch(const AutoInputs& in, DamageMeter& meter, CalibrationResult& result)
      : in_(in), meter_(meter), result_(result), best_(result.calibration) {}
  void run();

 private:
  // Both measures weigh the same, relative to the first method's: errors of scores that decide nothing and
  // changes that chance decides balance each other.
  double score(const CalibrationDamage& d) const {
    const double error = d.error / std::max(reference_.error, 1e-30);
    return reference_.changed > 0 ? (error + d.changed / reference_.changed) / 2 : error;
  }
  static constexpr BatchPart kCompared{0, 1 << 20, kComparedEvery};
  CalibrationDamage compare(const Calibration& candidate) { return meter_(candidate, kCompared); }
  // One after the other, prepared side by side.
  std::vector<CalibrationDamage> compareEach(const std::vector<DamageMeter::Candidate>& candidates,
                                             const char* stage);
  int compared() const { return (meter_.batches() + kComparedEvery - 1) / kComparedEvery; }
  bool mayRun(int count) const { return meter_.runs() + count <= std::max(in_.statistics.batches / 2, 48); }
  void report(const char* stage, int done, int total) const {
    if (in_.options.progress) in_.options.progress(stage, done, total);
  }

  // Thresholds of tensors (auto_calibration.cpp).
  void compareMethods();
  // Whether most tensors of codes are one-sided: codes around 0 have twice their steps.
  bool mostlyOneSided() const;
  // Codes around 0 where zero points gain little: kernels have more to choose from for them.
  void centreCodes();
  /// Keeps the candidate where it is better by enough.
  bool consider(Calibration candidate, const char* name);
  std::map<std::string, std::vector<float>> corrections(const Calibration& of) const;
  bool correctBiases();
  // Every threshold wider, no wider than the largest value.
  Calibration widened(const Calibration& from, const std::vector<std::string>& tensors, double factor) const;
  void widen();
  // Other thresholds for single groups, noisiest first, while runs are left.
  void refine();

  // Ranges of channels, weights, and what to expect (search_ranges.cpp).
  // The images of the samples whose place among the samples leaves `part` when divided by `parts`.
  std::set<int> imagesOf(int parts, int part) const;
  // Where channels may have offsets, they centre codes better than one zero point for all of them.
  void leaveOutCentred(Calibration& candidate) const;
  // The ranges that were chosen, without some images.
  ChannelRange rangeWithout(std::set<int> left) const {
    return {range_.share, range_.floor, std::move(left)};
  }
  // The calibration with a range for every channel.
  Calibration withChannels(Calibration candidate, const ChannelRange& range) const;
  // By number, what each does that is worth trying and that another draw of images would have, too: others
  // are fitted to these. `uncertainty`: of the last.
  std::map<int, CalibrationDamage> damagesOfRanges(double& uncertainty);
  // Ranges of channels instead of tensors: how much they reach is chosen on images that are left out of them.
  // True where that is better.
  bool tryChannels();
  // The calibration with its weights rounded by what their layers read on all images but those of one draw
  // (-1: none is left out).
  Calibration withRounding(Calibration candidate, int draw) const;
  // What was chosen, found without the images of one of `draws` draws.
  Calibration foundWithout(const Calibration& of, int draws, int draw, bool rounded) const;
  // Errors of weights make up for each other, where that helps on images that it was not found on: on those
  // of two draws, for the gain is less than what three images of one are off by.
  void roundWeights();
  struct Draws {
    int first, end;
  };
  // What the kind of calibration that was chosen does to images left out of it: mean and worst of some draws,
  // as far as there are that many.
  double expected(const Calibration& of, Draws wanted, Fp16Choice& found);
  void expect();

  // Layers in floats (search_floats.cpp).
  FrontierTools frontierTools();
  // Layers in fp16, as far as the options allow. They are ranked on the samples that chose everything else,
  // and the choice among the points of the frontier is made on others, which ranges then leave out.
  void leaveInHalf();
  void nameHarmful(const std::vector<Fp16Gain>& gains);
  // Groups whose readers are better left in fp32, most gain per multiply-add first.
  void leaveInFloat();

  const AutoInputs& in_;
  DamageMeter& meter_;
  CalibrationResult& result_;
  Calibration best_;
  CalibrationDamage reference_, bestDamage_;
  double least_ = INFINITY;
  bool plainBiases_ = false;
  bool channels_ = false;    ///< channels have ranges of their own
  ChannelRange range_;       ///< what those reach
  bool rounded_ = false;     ///< weights are, by moments
  Draws unseen_{1, kDraws};  ///< that had no part in any choice
};

}  // namespace tessera
