// The default calibration: every method competes on the calibration data, then single tensors are refined.
#include "calib/auto_calibration.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>

#include <spdlog/fmt/fmt.h>

#include "calib/channel_scales.hpp"
#include "calib/fp16_frontier.hpp"
#include "calib/scale_groups.hpp"
#include "calib/weight_rounding.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr CalibrationMethod kMethods[] = {CalibrationMethod::MinMax, CalibrationMethod::Percentile,
                                          CalibrationMethod::Mse, CalibrationMethod::Entropy};
// A change is kept where it lowers the damage by this share: less is chance.
constexpr double kWorthwhile = 0.004;
// A floor below ranges of channels is for images that are too few, which shows: it makes codes coarser.
constexpr double kWorthAFloor = 0.1;
// Relative squared error of outputs of 25 dB.
constexpr double kPoor = 3.16e-3;
// Groups of layers that are tried in fp16 to choose from, and to name the harmful ones.
constexpr int kTriedInHalf = 24, kNamed = 6;
// By how much codes around 0 may be worse than zero points and still be taken.
constexpr double kWorthAZero = 0.02;
// Zero points of tensors that reach little below 0.
constexpr std::int64_t kFarFromZero = -64;
// Ranges of channels that are tried: the share of the images whose extremes codes reach, and the least part
// of the tensor's own range.
constexpr struct {
  double share, floor;
} kRanges[] = {{1.0, 0}, {0.9, 0}, {0.75, 0}, {1.0, 0.25}, {1.0, 0.5}};
// Draws of samples that a choice among layers in fp16, and that of rounding weights, is made on.
constexpr int kDrawsForHalf = 2, kDrawsForRounding = 2;
// Ranges that differ more between halves of the images are chance.
constexpr double kMostUncertainty = 0.15;

class Search {
 public:
  Search(const AutoInputs& in, DamageMeter& meter, CalibrationResult& result)
      : in_(in), meter_(meter), result_(result), best_(result.calibration) {}

  void run() {
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
                                             const char* stage) {
    const auto total = static_cast<int>(candidates.size());
    return meter_(candidates, [&](int done) { report(stage, done, total); });
  }
  int compared() const { return (meter_.batches() + kComparedEvery - 1) / kComparedEvery; }
  bool mayRun(int count) const { return meter_.runs() + count <= std::max(in_.statistics.batches / 2, 48); }
  void report(const char* stage, int done, int total) const {
    if (in_.options.progress) in_.options.progress(stage, done, total);
  }

  void compareMethods() {
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

  // Whether most tensors of codes are one-sided: codes around 0 have twice their steps.
  bool mostlyOneSided() const {
    const Int8Plan plan = planInt8(in_.graph, best_, in_.options.layerPrecision);
    int sided = 0;
    for (const auto& [name, _] : best_.scales) sided += plan.zero(in_.graph.findTensor(name)) <= kFarFromZero;
    return 2 * sided > static_cast<int>(best_.scales.size());
  }

  // Codes around 0 where zero points gain little: kernels have more to choose from for them.
  void centreCodes() {
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

  /// Keeps the candidate where it is better by enough.
  bool consider(Calibration candidate, const char* name) {
    const CalibrationDamage d = compare(candidate);
    if (name) result_.damage[name] = d;
    if (score(d) >= least_ * (1 - kWorthwhile)) return false;
    least_ = score(d);
    bestDamage_ = d;
    best_ = std::move(candidate);
    return true;
  }

  std::map<std::string, std::vector<float>> corrections(const Calibration& of) const {
    return biasCorrections(in_.graph, planInt8(in_.graph, of, in_.options.layerPrecision),
                           in_.statistics.channelMeans);
  }
  bool correctBiases() {
    Calibration candidate = best_;
    candidate.biasCorrection = corrections(candidate);
    if (!consider(std::move(candidate), "bias correction")) return false;
    result_.chosen += ", bias correction";
    return true;
  }

  // Every threshold wider, no wider than the largest value.
  Calibration widened(const Calibration& from, const std::vector<std::string>& tensors, double factor) const {
    Calibration wider = from;
    for (const auto& name : tensors) {
      const auto top = static_cast<float>(in_.thresholds.of(CalibrationMethod::MinMax, name)) / 127.0f;
      float& scale = wider.scales.at(name);
      scale = std::min(scale * static_cast<float>(factor), std::max(top, scale));
    }
    return wider;
  }

  void widen() {
    std::vector<std::string> all;
    for (const auto& [name, _] : best_.scales) all.push_back(name);
    const Calibration from = best_;
    if (!consider(widened(from, all, 1.2), nullptr)) return;
    consider(widened(from, all, 1.45), nullptr);
    result_.chosen += ", thresholds wider";
  }

  // The images of the samples whose place among the samples leaves `part` when divided by `parts`.
  std::set<int> imagesOf(int parts, int part) const {
    std::set<int> left;
    for (std::size_t i = 0; i < in_.statistics.samples.size(); ++i)
      if (static_cast<int>(i) % parts == part)
        for (std::int64_t k = 0; k < in_.statistics.samples[i].begin()->second.shape.at(0); ++k)
          left.insert(in_.statistics.sampleImages[i] + static_cast<int>(k));
    // Too few images to leave any out.
    return 4 * static_cast<int>(left.size()) > in_.statistics.images ? std::set<int>() : left;
  }

  // Where channels may have offsets, they centre codes better than one zero point for all of them.
  void leaveOutCentred(Calibration& candidate) const {
    Calibration centred = candidate;
    centred.least.clear();
    const Int8Plan plan = planWithChannels(in_.graph, in_.options.layerPrecision, centred);
    for (const ChannelGroup& group : channelGroups(in_.graph, plan))
      for (std::size_t i = 0; i < group.tensors.size(); ++i)
        if (group.offsets[i]) candidate.least.erase(in_.graph.tensor(group.tensors[i]).name);
  }

  // The ranges that were chosen, without some images.
  ChannelRange rangeWithout(std::set<int> left) const {
    return {range_.share, range_.floor, std::move(left)};
  }

  // The calibration with a range for every channel.
  Calibration withChannels(Calibration candidate, const ChannelRange& range) const {
    leaveOutCentred(candidate);
    const Int8Plan plan = planWithChannels(in_.graph, in_.options.layerPrecision, candidate);
    setChannelScales(in_.graph, plan, channelGroups(in_.graph, plan), in_.statistics, range, candidate);
    if (in_.options.biasCorrection) candidate.biasCorrection = corrections(candidate);
    return candidate;
  }

  // Ranges of channels instead of tensors: how much they reach is chosen on images that are left out of them.
  // True where that is better.
  bool tryChannels() {
    if (in_.statistics.extremes.empty()) return false;
    const std::set<int> left = imagesOf(kComparedEvery, 0);
    std::vector<ChannelRange> ranges;
    std::vector<DamageMeter::Candidate> candidates;
    double uncertainty = 0;
    for (const auto& [share, floor] : kRanges) {
      // Ranges that another draw of images would not have are fitted to these.
      uncertainty = rangeUncertainty(in_.statistics, {share, floor, {}});
      if (uncertainty > kMostUncertainty) continue;
      ranges.push_back({share, floor, left});
      candidates.push_back(
          {[=, this, range = ranges.back()] { return withChannels(best_, range); }, kCompared});
    }
    const auto damages = compareEach(candidates, "ranges of channels");
    bool better = false;
    for (std::size_t i = 0; i < damages.size(); ++i) {
      const CalibrationDamage& d = damages[i];
      auto& told = result_.damage["channels"];
      if (i == 0 || score(d) < score(told)) told = d;
      const double worth = ranges[i].floor > 0 ? kWorthAFloor : kWorthwhile;
      if (score(d) >= least_ * (1 - worth)) continue;
      least_ = score(d), bestDamage_ = d, range_ = ranges[i], better = true;
    }
    if (ranges.empty())
      log().warn(
          "calibration: {} images are too few for ranges of channels, those of one half of them differ from "
          "the "
          "other half's by {:.0f} % on average: tensors have one range each",
          in_.statistics.images, uncertainty * 100);
    if (!better) return false;
    meter_.expectAlike();
    best_ = withChannels(best_, rangeWithout({}));
    plainBiases_ = plainBiases_ && !in_.options.biasCorrection;
    result_.chosen += fmt::format(", ranges of channels ({:g} % of the images)", range_.share * 100);
    if (range_.floor > 0)
      result_.chosen += fmt::format(", none below {:g} % of the tensor's", range_.floor * 100);
    return true;
  }

  // The calibration with its weights rounded by what their layers read on all images but those of one draw
  // (-1: none is left out).
  Calibration withRounding(Calibration candidate, int draw) const {
    candidate.weightSteps =
        roundedWeights(in_.graph, planInt8(in_.graph, candidate, in_.options.layerPrecision),
                       in_.statistics.moments->without(draw));
    if (in_.options.biasCorrection) candidate.biasCorrection = corrections(candidate);
    return candidate;
  }

  // What was chosen, found without the images of one of `draws` draws.
  Calibration foundWithout(const Calibration& of, int draws, int draw, bool rounded) const {
    const std::set<int> left = imagesOf(draws, draw);
    Calibration found = channels_ ? withChannels(of, rangeWithout(left)) : of;
    return rounded ? withRounding(std::move(found), left.empty() ? -1 : draw) : found;
  }

  // Errors of weights make up for each other, where that helps on images that it was not found on: on those
  // of two draws, for the gain is less than what three images of one are off by.
  void roundWeights() {
    if (imagesOf(kDraws, kDrawsForRounding - 1).empty() || !in_.statistics.moments) return;
    std::vector<CalibrationDamage> damages;  // plain, then rounded, of each draw
    // What was chosen among is the first draw, plain, but for layers in floats.
    const bool known = best_.floatLayers.empty() && best_.halfLayers.empty();
    if (known) damages.push_back(bestDamage_);
    std::vector<DamageMeter::Candidate> candidates;
    for (const bool rounded : {false, true})
      for (int draw = 0; draw < kDrawsForRounding; ++draw)
        if (rounded || draw > 0 || !known)
          candidates.push_back({[=, this] { return foundWithout(best_, kDraws, draw, rounded); },
                                {draw, meter_.batches(), kDraws}});
    for (const auto& damage : compareEach(candidates, "rounded weights")) damages.push_back(damage);
    unseen_.first = std::max(unseen_.first, kDrawsForRounding);
    double plain = 0, rounded = 0;
    auto& told = result_.damage["rounded weights"];
    for (int draw = 0; draw < kDrawsForRounding; ++draw) {
      const CalibrationDamage& d = damages[kDrawsForRounding + draw];
      plain += score(damages[draw]), rounded += score(d);
      told.error += d.error / kDrawsForRounding, told.changed += d.changed / kDrawsForRounding;
    }
    if (rounded >= plain * (1 - kWorthwhile)) return;
    rounded_ = true;
    least_ = score(damages[kDrawsForRounding]);
    bestDamage_ = damages[kDrawsForRounding];
    best_ = withRounding(best_, -1);
    plainBiases_ = plainBiases_ && !in_.options.biasCorrection;
    result_.chosen += ", weights rounded by their inputs";
  }

  struct Draws {
    int first, end;
  };
  // What the kind of calibration that was chosen does to images left out of it: mean and worst of some draws,
  // as far as there are that many.
  double expected(const Calibration& of, Draws wanted, Fp16Choice& found) {
    const int draws = std::min(kDraws, meter_.batches());
    const int end = std::min(wanted.end, draws), first = std::min(wanted.first, end - 1), count = end - first;
    std::vector<DamageMeter::Candidate> candidates;
    for (int draw = first; draw < end; ++draw) {
      const auto make = [=, this, &of] { return foundWithout(of, draws, draw, rounded_); };
      candidates.push_back({make, {draw, meter_.batches(), draws}});
    }
    double squares = 0;
    found.damage = found.worst = {};
    for (const CalibrationDamage& d : compareEach(candidates, "what to expect")) {
      found.damage.error += d.error / count, found.damage.changed += d.changed / count;
      squares += d.changed * d.changed / count;
      found.worst.error = std::max(found.worst.error, d.error);
      found.worst.changed = std::max(found.worst.changed, d.changed);
    }
    return std::sqrt(std::max(squares - found.damage.changed * found.damage.changed, 0.0));
  }

  void expect() {
    Fp16Choice found;
    const double deviation = expected(best_, unseen_, found);
    result_.damage["unseen, mean"] = found.damage;
    result_.damage["unseen, worst"] = found.worst;
    log().info(
        "calibration: on images left out {:.3f} +- {:.3f} % of the largest classes change ({} draws, worst "
        "{:.3f} %)",
        found.damage.changed * 100, deviation * 100,
        std::max(std::min(unseen_.end, meter_.batches()) - unseen_.first, 1), found.worst.changed * 100);
  }

  FrontierTools frontierTools() {
    return {[this](const Calibration& c) { return compare(c); },
            [this](const CalibrationDamage& d) { return score(d); },
            [this](const Calibration& c, Fp16Choice& choice) {
              expected(c, {1, 1 + kDrawsForHalf}, choice);
            },
            [this](Calibration c) { return channels_ ? withChannels(std::move(c), rangeWithout({})) : c; }};
  }

  // Layers in fp16, as far as the options allow. They are ranked on the samples that chose everything else,
  // and the choice among the points of the frontier is made on others, which ranges then leave out.
  void leaveInHalf() {
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

  void nameHarmful(const std::vector<Fp16Gain>& gains) {
    const double run = meter_.runTimes({best_})[0];
    auto most = gains;
    std::ranges::stable_sort(most, [](const Fp16Gain& a, const Fp16Gain& b) { return a.gain > b.gain; });
    for (const Fp16Gain& gain : most) {
      if (static_cast<int>(result_.harmful.size()) == kNamed) break;
      result_.harmful.push_back(
          {gain.group->readers, gain.group->share, run + gain.milliseconds, gain.damage, gain.damage});
    }
  }

  // Groups whose readers are better left in fp32, most gain per multiply-add first.
  void leaveInFloat() {
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

  // Other thresholds for single groups, noisiest first, while runs are left.
  void refine() {
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

}  // namespace

void chooseAutomatically(const AutoInputs& inputs, DamageMeter& damage, CalibrationResult& result) {
  Search(inputs, damage, result).run();
  log().info("calibration: {} (relative error of the outputs {:.3e}, {:.3f} % of the largest classes change)",
             result.chosen, result.damage["auto"].error, result.damage["auto"].changed * 100);
}

}  // namespace tessera
