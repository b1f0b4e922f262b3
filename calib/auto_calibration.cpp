// The default calibration: every method competes on the calibration data, then single tensors are refined.
#include "calib/auto_calibration.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <ctime>

#include "calib/scale_groups.hpp"
#include "calib/search.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr CalibrationMethod kMethods[] = {CalibrationMethod::MinMax, CalibrationMethod::Percentile,
                                          CalibrationMethod::Mse, CalibrationMethod::Entropy};
// By how much codes around 0 may be worse than zero points and still be taken.
constexpr double kWorthAZero = 0.02;
// Zero points of tensors that reach little below 0.
constexpr std::int64_t kFarFromZero = -64;

}  // namespace

void CalibrationSearch::run() {
  auto stage = [last = std::clock()](const char* name) mutable {
    const auto now = std::clock();
    log().debug("calibration: {} took {:.2f} s of the processor", name,
                static_cast<double>(now - last) / CLOCKS_PER_SEC);
    last = now;
  };
  // Zeros until they are corrected: with biases or without them, a network's kernels are not the same.
  if (in_.options.biasCorrection) best_.biasCorrection = corrections(best_);
  for (auto& [_, values] : best_.biasCorrection) std::fill(values.begin(), values.end(), 0.0f);
  best_.least = leastValues(in_.graph, in_.statistics);
  stage("what came first");
  compareMethods();
  stage("comparing methods");
  if (in_.options.biasCorrection && !correctBiases()) plainBiases_ = true;
  widen();
  stage("correcting biases and widening thresholds");
  channels_ = tryChannels();
  stage("ranges of channels");
  if (!best_.least.empty()) centreCodes();
  leaveInFloat();
  if (!channels_) refine();
  stage("codes around 0, layers in fp32 and single tensors");
  leaveInHalf();
  stage("layers in fp16");
  roundWeights();
  stage("rounding weights");
  if (plainBiases_) best_.biasCorrection.clear();
  result_.calibration = best_;
  result_.damage["auto"] = bestDamage_;
  expect();
  stage("what to expect");
}

std::vector<CalibrationDamage> CalibrationSearch::compareEach(
    const std::vector<DamageMeter::Candidate>& candidates, const char* stage) {
  const auto total = static_cast<int>(candidates.size());
  return meter_(candidates, [&](int done) { report(stage, done, total); });
}

void CalibrationSearch::compareMethods() {
  const auto of = [this](CalibrationMethod method) {
    Calibration candidate = best_;
    candidate.scales = in_.thresholds.scales(method);
    return candidate;
  };
  std::vector<DamageMeter::Candidate> candidates;
  for (const auto method : kMethods) candidates.push_back({[=] { return of(method); }, kCompared});
  const auto damages = compareEach(candidates, "methods");
  reference_ = damages[0];
  meter_.expectAlike();
  for (std::size_t i = 0; i < damages.size(); ++i) {
    result_.damage[std::string(toString(kMethods[i]))] = damages[i];
    if (i > 0 && score(damages[i]) >= least_) continue;
    least_ = score(damages[i]);
    bestDamage_ = damages[i];
    result_.chosen = toString(kMethods[i]);
  }
  best_.scales = in_.thresholds.scales(parseCalibrationMethod(result_.chosen));
}

bool CalibrationSearch::mostlyOneSided() const {
  const Int8Plan plan = planInt8(in_.graph, best_, in_.options.layerPrecision);
  int sided = 0;
  for (const auto& [name, _] : best_.scales) sided += plan.zero(in_.graph.findTensor(name)) <= kFarFromZero;
  return 2 * sided > static_cast<int>(best_.scales.size());
}

void CalibrationSearch::centreCodes() {
  if (mostlyOneSided()) return;
  Calibration centred = best_;
  centred.least.clear();
  const CalibrationDamage d =
      compare(channels_ ? withChannels(centred, rangeWithout(imagesOf(kComparedEvery, 0))) : centred);
  result_.damage["codes around 0"] = d;
  if (d.error > bestDamage_.error * (1 + kWorthAZero)) return;  // changes are few, and chance among such
  meter_.expectAlike();
  least_ = score(d);
  bestDamage_ = d;
  best_ = channels_ ? withChannels(std::move(centred), rangeWithout({})) : std::move(centred);
}

bool CalibrationSearch::consider(Calibration candidate, const char* name) {
  const CalibrationDamage d = compare(candidate);
  if (name) result_.damage[name] = d;
  if (score(d) >= least_ * (1 - kWorthwhile)) return false;
  least_ = score(d);
  bestDamage_ = d;
  best_ = std::move(candidate);
  return true;
}

std::map<std::string, std::vector<float>> CalibrationSearch::corrections(const Calibration& of) const {
  return biasCorrections(in_.graph, planInt8(in_.graph, of, in_.options.layerPrecision),
                         in_.statistics.channelMeans);
}

bool CalibrationSearch::correctBiases() {
  Calibration candidate = best_;
  candidate.biasCorrection = corrections(candidate);
  if (!consider(std::move(candidate), "bias correction")) return false;
  result_.chosen += ", bias correction";
  return true;
}

Calibration CalibrationSearch::widened(const Calibration& from, const std::vector<std::string>& tensors,
                                       double factor) const {
  Calibration wider = from;
  for (const auto& name : tensors) {
    const auto top = static_cast<float>(in_.thresholds.of(CalibrationMethod::MinMax, name)) / 127.0f;
    float& scale = wider.scales.at(name);
    scale = std::min(scale * static_cast<float>(factor), std::max(top, scale));
  }
  return wider;
}

void CalibrationSearch::widen() {
  std::vector<std::string> all;
  for (const auto& [name, _] : best_.scales) all.push_back(name);
  const Calibration from = best_;
  if (!consider(widened(from, all, 1.2), nullptr)) return;
  consider(widened(from, all, 1.45), nullptr);
  result_.chosen += ", thresholds wider";
}

void CalibrationSearch::refine() {
  int changed = 0, tried = 0;
  const auto groups = scaleGroups(in_, best_);
  for (const ScaleGroup& group : groups) {
    report("tensors", ++tried, static_cast<int>(groups.size()));
    for (const double factor : {1.3, 0.8}) {
      if (!mayRun(compared())) break;
      if (consider(widened(best_, group.tensors, factor), nullptr)) {
        ++changed;
        break;
      }
    }
  }
  if (changed) result_.chosen += ", " + std::to_string(changed) + " tensors by their own";
}

void chooseAutomatically(const AutoInputs& inputs, DamageMeter& damage, CalibrationResult& result) {
  CalibrationSearch(inputs, damage, result).run();
  log().info("calibration: {} (relative error of the outputs {:.3e}, {:.3f} % of the largest classes change)",
             result.chosen, result.damage["auto"].error, result.damage["auto"].changed * 100);
}

}  // namespace tessera
