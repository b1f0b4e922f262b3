// Thresholds from histograms.
#include "calib/thresholds.hpp"

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>
#include <numeric>
#include <thread>

#include "tessera/error.hpp"

namespace tessera {
namespace {
constexpr std::pair<CalibrationMethod, std::string_view> kNames[] = {
    {CalibrationMethod::Auto, "auto"},
    {CalibrationMethod::Entropy, "entropy"},
    {CalibrationMethod::MinMax, "minmax"},
    {CalibrationMethod::Percentile, "percentile"},
    {CalibrationMethod::Mse, "mse"}};
// The scale of a smaller threshold is no normal float, and its inverse may be infinite.
constexpr double kLeastThreshold = 127.0 * std::numeric_limits<float>::min();
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

double HistogramSum::limitOf(float largest) { return std::ldexp(1.0, histogramExponent(largest)); }

void HistogramSum::add(float largest, std::span<const std::int32_t> counts) {
  const double limit = limitOf(largest);
  largest_ = std::max(largest_, largest);
  if (limit > limit_) {  // bins of before become wider
    std::vector<std::int64_t> wider(kBins, 0);
    for (int b = 0; b < kBins; ++b) wider[static_cast<int>(b * (limit_ / limit))] += counts_[b];
    counts_ = std::move(wider);
    limit_ = limit;
  }
  const double factor = limit / limit_;
  for (int b = 0; b < kBins; ++b) counts_[static_cast<int>(b * factor)] += counts[b];
}

AbsHistogram HistogramSum::result() const {
  AbsHistogram even{static_cast<double>(largest_), std::vector<std::int64_t>(kBins / 2, 0)};
  if (!(largest_ >= 0x1p-100f)) {
    even.counts[0] = std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
    return even;
  }
  // Each bin's count is spread over the equal bins below it; what is rounded off goes to the next one.
  const double perBin = limit_ / kBins / even.binWidth();
  const int last = kBins / 2 - 1;
  for (int b = 0; b < kBins; ++b) {
    if (!counts_[b]) continue;
    const double begin = b * perBin, end = std::min((b + 1) * perBin, last + 1.0);
    std::int64_t left = counts_[b];
    for (int to = std::min(static_cast<int>(begin), last); left > 0; ++to) {
      const double share = (std::min(end, to + 1.0) - begin) / (end - begin);
      const std::int64_t upTo =
          to >= last ? counts_[b] : std::llround(share * static_cast<double>(counts_[b]));
      const std::int64_t here = std::min(left, upTo - (counts_[b] - left));
      even.counts[to] += here;
      left -= here;
    }
  }
  return even;
}

double entropyThreshold(const AbsHistogram& histogram, int levels) {
  std::vector<std::int64_t> counts = histogram.counts;
  const int bins = static_cast<int>(counts.size());
  // Zeros, which a Relu makes by the million, say nothing about the threshold, but would decide the search.
  if (bins > 1) counts[0] = counts[1];
  const std::int64_t all = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (all == 0 || bins <= levels) return histogram.limit;
  // Sums over bins before b: values, occupied bins, and p log p.
  const auto total = static_cast<double>(all);
  const auto entropyOf = [&](double count) {
    return count > 0 ? count / total * std::log(count / total) : 0.0;
  };
  std::vector<std::int64_t> values(bins + 1, 0), occupied(bins + 1, 0);
  std::vector<double> entropy(bins + 1, 0);
  for (int b = 0; b < bins; ++b) {
    values[b + 1] = values[b] + counts[b];
    occupied[b + 1] = occupied[b] + (counts[b] != 0);
    entropy[b + 1] = entropy[b] + entropyOf(static_cast<double>(counts[b]));
  }
  double best = std::numeric_limits<double>::infinity();
  int chosen = bins;
  // Most levels hold the bins that they held at the width before: what a logarithm was needed for is kept.
  struct Level {
    int begin = 0, end = 0;
    double mass = 0, massLog = 0;  // the mass, and times the logarithm of its mean
  };
  std::vector<Level> known(levels);
  for (int width = levels; width <= bins; ++width) {
    const auto inside = static_cast<double>(values[width]), outliers = total - inside;
    if (values[width] == 0) continue;
    // KL(P || Q) = sum p log p - sum p log q. P clips the outliers into its last bin; Q spreads each level's
    // mass evenly over its non-empty bins.
    double divergence = entropy[width - 1] + entropyOf(static_cast<double>(counts[width - 1]) + outliers);
    double massLogs = 0, mass = 0;  // of the levels but the last
    int begin = 0;
    for (int level = 0; level + 1 < levels; ++level) {
      const int end = static_cast<int>(static_cast<std::int64_t>(level + 1) * width / levels);
      Level& its = known[level];
      if (its.begin != begin || its.end != end) {
        const auto here = static_cast<double>(values[end] - values[begin]);
        const auto filled = static_cast<double>(occupied[end] - occupied[begin]);
        its = {begin, end, here, here > 0 ? here * std::log(here / filled) : 0.0};
      }
      massLogs += its.massLog;
      mass += its.mass;
      begin = end;
    }
    divergence -= (massLogs - mass * std::log(inside)) / total;
    const auto last = static_cast<double>(values[width] - values[begin]);
    const auto filled =
        static_cast<double>(occupied[width] - occupied[begin] + (outliers > 0 && counts[width - 1] == 0));
    // Outliers alone in the last level: an unlikely, not an impossible value.
    if (last + outliers > 0)
      divergence -= (last + outliers) / total * std::log(std::max(last / filled / inside, 1e-12));
    if (divergence < best) best = divergence, chosen = width;
  }
  return chosen < bins ? (static_cast<double>(chosen) + 0.5) * histogram.binWidth() : histogram.limit;
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

namespace {

// Bins that hold something.
struct OccupiedBins {
  std::vector<double> centres, counts, errors;
  double width = 0, total = 0;

  explicit OccupiedBins(const AbsHistogram& histogram) : width(histogram.binWidth()) {
    for (std::size_t b = 0; b < histogram.counts.size(); ++b) {
      if (!histogram.counts[b]) continue;
      centres.push_back((static_cast<double>(b) + 0.5) * width);
      counts.push_back(static_cast<double>(histogram.counts[b]));
      total += counts.back();
    }
    errors.resize(centres.size());
  }

  double error(double threshold) {
    const double step = threshold / 127;
    // Inside a bin wider than a step the error is that of rounding; a bin's centre alone would hide it.
    const double least = width > step ? step * step / 12 : 0.0;
    for (std::size_t i = 0; i < centres.size(); ++i) {
      constexpr double kRound = 0x1.8p52;  // added and taken off: rint(), which is a call on plain x86-64
      const double x = centres[i], code = std::min(x / step + kRound - kRound, 127.0), off = x - code * step;
      const double beyond = x - threshold;
      errors[i] = counts[i] * (x < threshold ? std::max(off * off, least) : beyond * beyond);
    }
    return total > 0 ? std::accumulate(errors.begin(), errors.end(), 0.0) / total : 0;
  }
};

}  // namespace

double codingError(const AbsHistogram& histogram, double threshold) {
  return OccupiedBins(histogram).error(threshold);
}

double mseThreshold(const AbsHistogram& histogram) {
  double best = std::numeric_limits<double>::infinity(), chosen = histogram.limit;
  OccupiedBins occupied(histogram);
  const int bins = static_cast<int>(histogram.counts.size());
  for (int candidate = bins; candidate >= bins / 32; candidate -= std::max(1, bins / 256)) {
    const double threshold = histogram.limit * candidate / bins, error = occupied.error(threshold);
    if (error < best) best = error, chosen = threshold;
  }
  return chosen;
}

double thresholdOf(CalibrationMethod method, const AbsHistogram& histogram, double percent) {
  if (!(histogram.limit >= kLeastThreshold)) return 1;
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
  return threshold >= kLeastThreshold ? std::min(threshold, histogram.limit) : histogram.limit;
}

ThresholdTable::ThresholdTable(const std::map<std::string, AbsHistogram>& histograms, double percent) {
  std::vector<std::pair<const AbsHistogram*, std::map<CalibrationMethod, double>*>> all;
  for (const auto& [name, histogram] : histograms) all.emplace_back(&histogram, &thresholds_[name]);
  const std::size_t shards = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::future<void>> others;
  for (std::size_t shard = 0; shard < shards; ++shard)
    others.push_back(std::async(std::launch::async, [&, shard] {
      for (std::size_t i = shard; i < all.size(); i += shards)
        for (const auto& [method, _] : kNames)
          if (method != CalibrationMethod::Auto)
            (*all[i].second)[method] = thresholdOf(method, *all[i].first, percent);
    }));
  for (auto& other : others) other.get();
}

double ThresholdTable::of(CalibrationMethod method, const std::string& tensor) const {
  return thresholds_.at(tensor).at(method);
}

std::map<std::string, float> ThresholdTable::scales(CalibrationMethod method) const {
  std::map<std::string, float> scales;
  for (const auto& [name, by] : thresholds_) scales[name] = static_cast<float>(by.at(method)) / 127.0f;
  return scales;
}

}  // namespace tessera
