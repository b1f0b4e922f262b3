// Ranges of channels and rounded weights, each judged on images that it was not found on.
#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>

#include <spdlog/fmt/fmt.h>

#include "calib/search.hpp"
#include "calib/weight_rounding.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// A floor below ranges of channels is for images that are too few, which shows: it makes codes coarser.
constexpr double kWorthAFloor = 0.1;
// Ranges of channels that are tried: the share of the images whose extremes codes reach, and the least part
// of the tensor's own range. One that goes further `than` another is tried where that was no worse than the
// first.
constexpr int kNone = -1;
constexpr struct {
  double share, floor;
  int than;
} kRanges[] = {{1.0, 0, kNone}, {0.9, 0, kNone}, {0.75, 0, 1}, {1.0, 0.25, kNone}, {1.0, 0.5, 3}};
// Ranges that differ more between halves of the images are chance.
constexpr double kMostUncertainty = 0.15;
// Draws of samples that the choice of rounding weights is made on.
constexpr int kDrawsForRounding = 2;

}  // namespace

std::set<int> CalibrationSearch::imagesOf(int parts, int part) const {
  std::set<int> left;
  for (std::size_t i = 0; i < in_.statistics.samples.size(); ++i)
    if (static_cast<int>(i) % parts == part)
      for (std::int64_t k = 0; k < in_.statistics.samples[i].begin()->second.shape.at(0); ++k)
        left.insert(in_.statistics.sampleImages[i] + static_cast<int>(k));
  // Too few images to leave any out.
  return 4 * static_cast<int>(left.size()) > in_.statistics.images ? std::set<int>() : left;
}

void CalibrationSearch::leaveOutCentred(Calibration& candidate) const {
  Calibration centred = candidate;
  centred.least.clear();
  const Int8Plan plan = planWithChannels(in_.graph, in_.options.layerPrecision, centred);
  for (const ChannelGroup& group : channelGroups(in_.graph, plan))
    for (std::size_t i = 0; i < group.tensors.size(); ++i)
      if (group.offsets[i]) candidate.least.erase(in_.graph.tensor(group.tensors[i]).name);
}

Calibration CalibrationSearch::withChannels(Calibration candidate, const ChannelRange& range) const {
  leaveOutCentred(candidate);
  const Int8Plan plan = planWithChannels(in_.graph, in_.options.layerPrecision, candidate);
  setChannelScales(in_.graph, plan, channelGroups(in_.graph, plan), in_.statistics, range, candidate);
  if (in_.options.biasCorrection) candidate.biasCorrection = corrections(candidate);
  return candidate;
}

std::map<int, CalibrationDamage> CalibrationSearch::damagesOfRanges(double& uncertainty) {
  const std::set<int> left = imagesOf(kComparedEvery, 0);
  std::map<int, CalibrationDamage> damages;
  for (const bool further : {false, true}) {
    std::vector<int> tried;
    std::vector<DamageMeter::Candidate> candidates;
    for (int i = 0; i < static_cast<int>(std::size(kRanges)); ++i) {
      const auto& [share, floor, than] = kRanges[i];
      if (further != (than != kNone)) continue;
      if (further && damages.count(0) && damages.count(than) && score(damages[than]) > score(damages[0]))
        continue;
      uncertainty = rangeUncertainty(in_.statistics, {share, floor, {}});
      if (uncertainty > kMostUncertainty) continue;
      tried.push_back(i);
      candidates.push_back(
          {[this, range = ChannelRange{share, floor, left}] { return withChannels(best_, range); },
           kCompared});
    }
    const auto found = compareEach(candidates, "ranges of channels");
    for (std::size_t i = 0; i < tried.size(); ++i) damages[tried[i]] = found[i];
  }
  return damages;
}

bool CalibrationSearch::tryChannels() {
  if (in_.statistics.extremes.empty()) return false;
  double uncertainty = 0;
  const std::map<int, CalibrationDamage> damages = damagesOfRanges(uncertainty);
  bool better = false;
  for (const auto& [i, d] : damages) {
    auto& told = result_.damage.try_emplace("channels", d).first->second;
    if (score(d) < score(told)) told = d;
    const double worth = kRanges[i].floor > 0 ? kWorthAFloor : kWorthwhile;
    if (score(d) >= least_ * (1 - worth)) continue;
    least_ = score(d), bestDamage_ = d, better = true;
    range_ = {kRanges[i].share, kRanges[i].floor, {}};
  }
  if (damages.empty())
    log().warn(
        "calibration: {} images are too few for ranges of channels, those of one half of them differ from "
        "the other half's by {:.0f} % on average: tensors have one range each",
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

Calibration CalibrationSearch::withRounding(Calibration candidate, int draw) const {
  candidate.weightSteps =
      roundedWeights(in_.graph, planInt8(in_.graph, candidate, in_.options.layerPrecision),
                     in_.statistics.moments->without(draw));
  if (in_.options.biasCorrection) candidate.biasCorrection = corrections(candidate);
  return candidate;
}

Calibration CalibrationSearch::foundWithout(const Calibration& of, int draws, int draw, bool rounded) const {
  const std::set<int> left = imagesOf(draws, draw);
  Calibration found = channels_ ? withChannels(of, rangeWithout(left)) : of;
  return rounded ? withRounding(std::move(found), left.empty() ? -1 : draw) : found;
}

void CalibrationSearch::roundWeights() {
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

double CalibrationSearch::expected(const Calibration& of, Draws wanted, Fp16Choice& found) {
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

void CalibrationSearch::expect() {
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

}  // namespace tessera
