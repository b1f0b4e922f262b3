// Layers that are better left in fp16 or fp32.
#include <algorithm>
#include <cmath>

#include <spdlog/fmt/fmt.h>

#include "calib/scale_groups.hpp"
#include "calib/search.hpp"

namespace tessera {
namespace {

// Relative squared error of outputs of 25 dB.
constexpr double kPoor = 3.16e-3;
// Groups of layers that are tried in fp16 to choose from, and to name the harmful ones.
constexpr int kTriedInHalf = 24, kNamed = 6;
// Draws of samples that a choice among layers in fp16 is made on.
constexpr int kDrawsForHalf = 2;

}  // namespace

FrontierTools CalibrationSearch::frontierTools() {
  return {[this](const Calibration& c) { return compare(c); },
          [this](const CalibrationDamage& d) { return score(d); },
          [this](const Calibration& c, Fp16Choice& choice) {
            expected(c, {1, 1 + kDrawsForHalf}, choice);
          },
          [this](Calibration c) { return channels_ ? withChannels(std::move(c), rangeWithout({})) : c; }};
}

void CalibrationSearch::leaveInHalf() {
  const bool poor = bestDamage_.error > kPoor;
  const double share = in_.options.fp16Share;
  if (share <= 0 && !poor) return;
  const auto groups = scaleGroups(in_, best_);
  const FrontierTools tools = frontierTools();
  const auto progress = [this](int done, int total) { report("layers in fp16", done, total); };
  if (share <= 0) {
    result_.harmful = harmfulLayers(groups, best_, kNamed, meter_, tools, progress);
    return;
  }
  const auto gains = gainsInFp16(groups, best_, kTriedInHalf, meter_, tools, progress);
  if (poor) nameHarmful(gains);
  std::vector<Calibration> calibrations;
  result_.frontier = fp16Frontier(gains, best_, share, meter_, tools, calibrations);
  unseen_.first = 1 + kDrawsForHalf;
  std::size_t least = 0;
  for (std::size_t i = 1; i < calibrations.size(); ++i)
    if (score(result_.frontier[i].damage) < score(result_.frontier[least].damage) * (1 - kWorthwhile))
      least = i;
  if (least == 0) return;
  const Fp16Choice& chosen = result_.frontier[least];
  best_ = std::move(calibrations[least]);
  bestDamage_ = compare(best_);
  least_ = score(bestDamage_);
  result_.chosen += fmt::format(", {} layers in fp16 ({:.1f} % of the multiply-adds)", chosen.layers.size(),
                                std::ceil(chosen.share * 1000) / 10);
}

void CalibrationSearch::nameHarmful(const std::vector<Fp16Gain>& gains) {
  const double run = meter_.runTimes({best_})[0];
  auto most = gains;
  std::ranges::stable_sort(most, [](const Fp16Gain& a, const Fp16Gain& b) { return a.gain > b.gain; });
  for (const Fp16Gain& gain : most) {
    if (static_cast<int>(result_.harmful.size()) == kNamed) break;
    result_.harmful.push_back(
        {gain.group->readers, gain.group->share, run + gain.milliseconds, gain.damage, gain.damage});
  }
}

void CalibrationSearch::leaveInFloat() {
  if (in_.options.fp32Share <= 0) return;
  struct Option {
    const ScaleGroup* group;
    double gain;
  };
  const auto groups = scaleGroups(in_, best_);
  std::vector<Option> options;
  const int count = std::min(2, compared());
  const auto rough = [&](const Calibration& c) {
    return score(meter_(c, {0, 1 + (count - 1) * kComparedEvery, kComparedEvery}));
  };
  const double before = rough(best_);
  int tried = 0;
  for (const ScaleGroup& group : groups) {
    report("layers in fp32", ++tried, static_cast<int>(groups.size()));
    if (group.readers.empty() || group.share > in_.options.fp32Share / 4 || group.large) continue;
    if (!mayRun(count + compared())) break;
    Calibration candidate = best_;
    candidate.floatLayers.insert(group.readers.begin(), group.readers.end());
    if (channels_) candidate = withChannels(candidate, rangeWithout({}));
    const double gain = before - rough(candidate);
    if (gain > before * 2 * kWorthwhile) options.push_back({&group, gain});
  }
  std::stable_sort(options.begin(), options.end(), [](const Option& a, const Option& b) {
    return a.gain * (b.group->share + 1e-3) > b.gain * (a.group->share + 1e-3);
  });
  Calibration candidate = best_;
  double share = 0;
  for (const auto& [group, _] : options) {
    if (share + group->share > in_.options.fp32Share) continue;
    share += group->share;
    candidate.floatLayers.insert(group->readers.begin(), group->readers.end());
  }
  if (candidate.floatLayers.size() == best_.floatLayers.size()) return;
  if (channels_) candidate = withChannels(candidate, rangeWithout({}));
  if (consider(std::move(candidate), nullptr))
    result_.chosen += ", " + std::to_string(best_.floatLayers.size()) + " layers in fp32 (" +
                      fmt::format("{:.1f}", std::ceil(share * 1000) / 10) + " % of the multiply-adds)";
}

}  // namespace tessera
