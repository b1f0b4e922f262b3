/// \file
/// Thresholds from a histogram of absolute values: minmax, percentile, entropy, mse.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/calibrator.hpp"

namespace tessera {

/// Counts of |x| in equal bins over [0, limit].
struct AbsHistogram {
  double limit = 0;
  std::vector<std::int64_t> counts;
  double binWidth() const { return counts.empty() ? 0 : limit / static_cast<double>(counts.size()); }
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

/// The threshold of a method other than Auto; never 0: a tensor of zeros gets 1.
double thresholdOf(CalibrationMethod method, const AbsHistogram& histogram, double percent);

}  // namespace tessera
