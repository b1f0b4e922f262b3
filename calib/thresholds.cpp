// Thresholds from histograms.
#include "calib/thresholds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tessera/error.hpp"

namespace tessera {
namespace {
constexpr std::pair<CalibrationMethod, std::string_view> kNames[] = {
    {CalibrationMethod::Auto, "auto"},
    {CalibrationMethod::Entropy, "entropy"},
    {CalibrationMethod::MinMax, "minmax"},
    {CalibrationMethod::Percentile, "percentile"},
    {CalibrationMethod::Mse, "mse"}};
}  // namespace

std::string_view toString(CalibrationMethod method) {
  for (const auto& [value, name] : kNames)
    if (value == method) return name;
  return "?";
}

CalibrationMethod parseCalibrationMethod(std::string_view text) {
  for (const auto& [value, name] : kNames)
    if (name == text) return value;
  throw Error(ErrorCode::InvalidArgument, "unknown calibration method '" + std::string(text) +
                                              "': auto, entropy, minmax, percentile or mse");
}

double entropyThreshold(const AbsHistogram& histogram, int levels) {
  const auto& counts = histogram.counts;
  const int bins = static_cast<int>(counts.size());
  std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (total == 0 || bins <= levels) return histogram.limit;
  double best = std::numeric_limits<double>::infinity();
  int chosen = bins;
  std::int64_t inside = std::accumulate(counts.begin(), counts.begin() + levels, std::int64_t{0});
  for (int width = levels; width <= bins; ++width) {
    if (width > levels) inside += counts[width - 1];
    if (inside == 0) continue;
    const double outliers = static_cast<double>(total - inside);
    // KL(P || Q): P clips the outliers into its last bin; Q spreads each level's mass evenly over its
    // non-empty bins.
    double divergence = 0;
    for (int level = 0; level < levels; ++level) {
      const int begin = static_cast<int>(static_cast<std::int64_t>(level) * width / levels);
      const int end = static_cast<int>(static_cast<std::int64_t>(level + 1) * width / levels);
      std::int64_t mass = 0, occupied = 0;
      for (int b = begin; b < end; ++b) {
        mass += counts[b];
        occupied += counts[b] != 0 || (b == width - 1 && outliers > 0);
      }
      for (int b = begin; b < end; ++b) {
        const double p =
            (static_cast<double>(counts[b]) + (b == width - 1 ? outliers : 0)) / static_cast<double>(total);
        if (p == 0) continue;
        double q = static_cast<double>(mass) / static_cast<double>(occupied) / static_cast<double>(inside);
        q = std::max(q, 1e-12);  // outliers alone in the last level: an unlikely, not an impossible value
        divergence += p * std::log(p / q);
      }
    }
    if (divergence < best) best = divergence, chosen = width;
  }
  return (static_cast<double>(chosen) + (chosen < bins ? 0.5 : 0.0)) * histogram.binWidth();
}

double percentileThreshold(const AbsHistogram& histogram, double percent) {
  const std::int64_t total =
      std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::int64_t{0});
  const double wanted = percent / 100 * static_cast<double>(total);
  double seen = 0;
  for (std::size_t b = 0; b < histogram.counts.size(); ++b) {
    const auto here = static_cast<double>(histogram.counts[b]);
    if (here > 0 && seen + here >= wanted)
      return (static_cast<double>(b) + (wanted - seen) / here) * histogram.binWidth();
    seen += here;
  }
  return histogram.limit;
}

double codingError(const AbsHistogram& histogram, double threshold) {
  const double step = threshold / 127, width = histogram.binWidth();
  double sum = 0, total = 0;
  for (std::size_t b = 0; b < histogram.counts.size(); ++b) {
    if (!histogram.counts[b]) continue;
    const double x = (static_cast<double>(b) + 0.5) * width, code = std::min(std::rint(x / step), 127.0);
    // Inside a bin wider than a step the error is that of rounding; a bin's centre alone would hide it.
    const double error =
        x < threshold ? std::max((x - code * step) * (x - code * step), width > step ? step * step / 12 : 0.0)
                      : (x - threshold) * (x - threshold);
    sum += static_cast<double>(histogram.counts[b]) * error;
    total += static_cast<double>(histogram.counts[b]);
  }
  return total > 0 ? sum / total : 0;
}

double mseThreshold(const AbsHistogram& histogram) {
  double best = std::numeric_limits<double>::infinity(), chosen = histogram.limit;
  const int bins = static_cast<int>(histogram.counts.size());
  for (int candidate = bins; candidate >= bins / 32; candidate -= std::max(1, bins / 256)) {
    const double threshold = histogram.limit * candidate / bins, error = codingError(histogram, threshold);
    if (error < best) best = error, chosen = threshold;
  }
  return chosen;
}

double thresholdOf(CalibrationMethod method, const AbsHistogram& histogram, double percent) {
  if (!(histogram.limit > 0)) return 1;
  double threshold = histogram.limit;
  switch (method) {
    case CalibrationMethod::MinMax:
      break;
    case CalibrationMethod::Entropy:
      threshold = entropyThreshold(histogram);
      break;
    case CalibrationMethod::Percentile:
      threshold = percentileThreshold(histogram, percent);
      break;
    case CalibrationMethod::Mse:
      threshold = mseThreshold(histogram);
      break;
    case CalibrationMethod::Auto:
      throw Error(ErrorCode::Internal, "auto is no threshold of one tensor");
  }
  return threshold > 0 ? threshold : histogram.limit;
}

}  // namespace tessera
