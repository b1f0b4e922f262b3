/// \file
/// Thresholds from a histogram of absolute values: minmax, percentile, entropy, mse.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/histogram.hpp"
#include "tessera/calibrator.hpp"

namespace tessera {

/// Counts of |x| in equal bins over [0, limit].
struct AbsHistogram {
  double limit = 0;
  std::vector<std::int64_t> counts;
  double binWidth() const { return counts.empty() ? 0 : limit / static_cast<double>(counts.size()); }
};

/// Histograms whose limits are powers of two add up exactly, whatever each batch's limit is: the finer one's
/// bins are merged. So one pass over the data suffices.
class HistogramSum {
 public:
  static constexpr int kBins = kHistogramBins;
  /// Counts of a batch with bins up to limitOf(largest), as the Histogram operator gives them.
  void add(float largest, std::span<const std::int32_t> counts);
  /// 2048 equal bins up to the largest value; all in the first where that is below 2^-100.
  AbsHistogram result() const;
  static double limitOf(float largest);  ///< above `largest`

 private:
  double limit_ = 0;
  float largest_ = 0;
  std::vector<std::int64_t> counts_ = std::vector<std::int64_t>(kBins, 0);
};

/// Threshold that loses least information (Kullback-Leibler divergence) when `levels` codes represent the
/// values below it: for every candidate number of bins from `levels` on, the clipped distribution against its
/// quantised form. Source: S. Migacz, "8-bit Inference with TensorRT", GTC 2017.
double entropyThreshold(const AbsHistogram& histogram, int levels = 128);

/// Value below which `percent` % of the values lie.
double percentileThreshold(const AbsHistogram& histogram, double percent);

/// Threshold with the least mean squared error of 127 codes.
double mseThreshold(const AbsHistogram& histogram);

/// Mean squared error of coding with threshold `threshold`, from the histogram.
double codingError(const AbsHistogram& histogram, double threshold);

/// The threshold of a method other than Auto; never 0: a tensor of zeros gets 1, and so does one of numbers
/// too small for a scale.
double thresholdOf(CalibrationMethod method, const AbsHistogram& histogram, double percent);

/// Thresholds of every tensor by every method but Auto, each computed once.
class ThresholdTable {
 public:
  ThresholdTable(const std::map<std::string, AbsHistogram>& histograms, double percent);
  double of(CalibrationMethod method, const std::string& tensor) const;
  std::map<std::string, float> scales(CalibrationMethod method) const;

 private:
  std::map<std::string, std::map<CalibrationMethod, double>> thresholds_;
};

}  // namespace tessera
