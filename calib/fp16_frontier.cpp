#include "calib/fp16_frontier.hpp"

#include <algorithm>

namespace tessera {
namespace {

constexpr std::size_t kMostPoints = 8;

double sumOf(const std::map<std::string, double>& times, const std::vector<std::string>& layers) {
  double sum = 0;
  for (const auto& name : layers)
    if (const auto found = times.find(name); found != times.end()) sum += found->second;
  return sum;
}

Calibration withHalfLayers(const Calibration& base, const std::vector<std::string>& layers,
                           const FrontierTools& tools) {
  Calibration half = base;
  half.halfLayers.insert(layers.begin(), layers.end());
  return tools.complete(std::move(half));
}

}  // namespace

std::vector<Fp16Gain> gainsInFp16(const std::vector<ScaleGroup>& groups, const Calibration& base, int count,
                                  DamageMeter& meter, const FrontierTools& tools,
                                  const std::function<void(int done, int total)>& progress) {
  const auto codes = meter.layerTimes(&base), halves = meter.layerTimes(nullptr);
  double all = 0;
  for (const auto& [_, time] : codes) all += time;
  const double before = tools.harm(tools.damage(base));
  std::vector<Fp16Gain> gains;
  const int total = std::min(count, static_cast<int>(groups.size()));
  int tried = 0;
  for (const ScaleGroup& group : groups) {
    if (group.readers.empty()) continue;
    if (tried == total) break;
    progress(++tried, total);
    const CalibrationDamage left = tools.damage(withHalfLayers(base, group.readers, tools));
    const double gain = before - tools.harm(left);
    // Times of layers are rough: nothing is free.
    const double longer = std::max(sumOf(halves, group.readers) - sumOf(codes, group.readers), all / 1000);
    if (gain > 0) gains.push_back({&group, gain, longer, left});
  }
  std::ranges::stable_sort(gains, [](const Fp16Gain& a, const Fp16Gain& b) {
    return a.gain * b.milliseconds > b.gain * a.milliseconds;
  });
  return gains;
}

std::vector<Fp16Choice> harmfulLayers(const std::vector<ScaleGroup>& groups, const Calibration& base,
                                      int count, DamageMeter& meter, const FrontierTools& tools,
                                      const std::function<void(int done, int total)>& progress) {
  const double before = tools.harm(tools.damage(base));
  std::vector<Fp16Choice> found;
  int tried = 0;
  for (const ScaleGroup& group : groups) {
    if (group.readers.empty()) continue;
    if (tried == count) break;
    progress(++tried, count);
    const CalibrationDamage left = tools.damage(withHalfLayers(base, group.readers, tools));
    if (tools.harm(left) < before) found.push_back({group.readers, group.share, meter.runTime(), left, left});
  }
  std::ranges::stable_sort(found, [&](const Fp16Choice& a, const Fp16Choice& b) {
    return tools.harm(a.damage) < tools.harm(b.damage);
  });
  return found;
}

std::vector<Fp16Choice> fp16Frontier(const std::vector<Fp16Gain>& gains, const Calibration& base,
                                     double share, DamageMeter& meter, const FrontierTools& tools,
                                     std::vector<Calibration>& calibrations) {
  std::vector<Fp16Choice> choices{{}};
  for (const Fp16Gain& gain : gains) {
    if (choices.back().share + gain.group->share > share) continue;
    Fp16Choice next = choices.back();
    next.layers.insert(next.layers.end(), gain.group->readers.begin(), gain.group->readers.end());
    next.share += gain.group->share;
    choices.push_back(std::move(next));
  }
  // The ends and some between: every point takes an engine and its runs.
  std::vector<Fp16Choice> kept;
  const std::size_t points = std::min(choices.size(), kMostPoints);
  for (std::size_t i = 0; i < points; ++i)
    kept.push_back(std::move(choices[points == 1 ? 0 : i * (choices.size() - 1) / (points - 1)]));
  calibrations.clear();
  for (Fp16Choice& choice : kept) {
    calibrations.push_back(choice.layers.empty() ? base : withHalfLayers(base, choice.layers, tools));
    tools.judge(calibrations.back(), choice);
  }
  const std::vector<double> times = meter.runTimes(calibrations);
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i].milliseconds = times[i];
  return kept;
}

}  // namespace tessera
