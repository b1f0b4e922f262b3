// Thresholds: hand-computed cases, and the entropy search against an independent direct implementation.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "calib/thresholds.hpp"

namespace tessera {
namespace {

// The entropy search written out step by step as the talk describes it: build P and Q as arrays, normalise,
// sum.
double directEntropy(std::vector<std::int64_t> counts, double limit, int levels) {
  counts[0] = counts[1];
  const int bins = static_cast<int>(counts.size());
  double least = 1e300;
  int chosen = bins;
  for (int width = levels; width <= bins; ++width) {
    std::vector<double> p(counts.begin(), counts.begin() + width), q(width, 0.0);
    const double kept = std::accumulate(p.begin(), p.end(), 0.0);
    if (kept == 0) continue;
    p[width - 1] +=
        static_cast<double>(std::accumulate(counts.begin() + width, counts.end(), std::int64_t{0}));
    for (int level = 0; level < levels; ++level) {
      const int from = static_cast<int>(static_cast<std::int64_t>(level) * width / levels);
      const int to = static_cast<int>(static_cast<std::int64_t>(level + 1) * width / levels);
      double sum = 0;
      int occupied = 0;
      for (int b = from; b < to; ++b) sum += static_cast<double>(counts[b]), occupied += p[b] > 0;
      for (int b = from; b < to; ++b) q[b] = p[b] > 0 ? sum / occupied : 0;
    }
    const double pSum = std::accumulate(p.begin(), p.end(), 0.0),
                 qSum = std::accumulate(q.begin(), q.end(), 0.0);
    double divergence = 0;
    for (int b = 0; b < width; ++b)
      if (p[b] > 0) divergence += p[b] / pSum * std::log(p[b] / pSum / std::max(q[b] / qSum, 1e-12));
    if (divergence < least) least = divergence, chosen = width;
  }
  return (chosen + (chosen < bins ? 0.5 : 0.0)) * limit / bins;
}

AbsHistogram sampled(unsigned seed, int bins, double tail) {
  std::mt19937 random(seed);
  std::normal_distribution<double> body(0, 1);
  std::exponential_distribution<double> far(tail);
  std::vector<double> values;
  for (int i = 0; i < 20000; ++i) values.push_back(std::abs(i % 50 ? body(random) : 3 + far(random)));
  AbsHistogram h{*std::max_element(values.begin(), values.end()), std::vector<std::int64_t>(bins, 0)};
  for (const double v : values) ++h.counts[std::min(bins - 1, static_cast<int>(v / h.limit * bins))];
  return h;
}

// What a Relu makes of half the values changes nothing.
TEST(Entropy, LooksAwayFromZeros) {
  AbsHistogram h = sampled(3, 512, 0.3);
  const double threshold = entropyThreshold(h, 64);
  EXPECT_GT(threshold, 0.2 * h.limit);
  h.counts[0] += 10000000;
  EXPECT_DOUBLE_EQ(entropyThreshold(h, 64), threshold);
}

TEST(Entropy, EqualsTheDirectImplementation) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    const AbsHistogram h = sampled(seed, 512, 0.1 * seed);
    EXPECT_NEAR(entropyThreshold(h, 64), directEntropy(h.counts, h.limit, 64), 1e-9) << seed;
  }
}

std::vector<std::int32_t> fineCounts(const std::vector<float>& values, double limit) {
  std::vector<std::int32_t> counts(HistogramSum::kBins, 0);
  for (const float v : values) ++counts[static_cast<std::size_t>(v / limit * HistogramSum::kBins)];
  return counts;
}

TEST(HistogramSum, IsTheHistogramOfAllBatches) {
  HistogramSum sum;
  std::vector<float> all;
  std::mt19937 random(3);
  for (const float top : {0.0f, 0.7f, 5.3f, 4.0f, 0.2f}) {  // limits 2^-100, 1, 8, 8, 0.25
    std::vector<float> batch{top};
    for (int i = 0; i < 5000; ++i) batch.push_back(top * static_cast<float>(random() >> 8) * 0x1p-24f);
    sum.add(top, fineCounts(batch, HistogramSum::limitOf(top)));
    all.insert(all.end(), batch.begin(), batch.end());
  }
  const AbsHistogram h = sum.result();
  EXPECT_EQ(h.counts.size(), 2048u);
  EXPECT_FLOAT_EQ(h.limit, 5.3f);
  EXPECT_EQ(std::accumulate(h.counts.begin(), h.counts.end(), std::int64_t{0}),
            static_cast<std::int64_t>(all.size()));
  std::sort(all.begin(), all.end());
  for (const double percent : {50.0, 75.0, 90.0, 99.0, 99.9})
    EXPECT_NEAR(percentileThreshold(h, percent), all[static_cast<std::size_t>(percent / 100 * all.size())],
                3 * h.binWidth())
        << percent;
}

TEST(HistogramSum, LimitsArePowersOfTwoAboveTheLargest) {
  EXPECT_EQ(HistogramSum::limitOf(0), 0x1p-100);
  EXPECT_EQ(HistogramSum::limitOf(0.25f), 0.5);
  EXPECT_EQ(HistogramSum::limitOf(0.26f), 0.5);
  EXPECT_EQ(HistogramSum::limitOf(0x1.fffffep-2f), 0.5) << "a float's last digit";
  EXPECT_EQ(HistogramSum::limitOf(4.01f), 8);
  EXPECT_EQ(HistogramSum::limitOf(0x1p127f), 0x1p128);
  EXPECT_EQ(HistogramSum::limitOf(std::numeric_limits<float>::max()), 0x1p128) << "more than a float holds";
  EXPECT_EQ(HistogramSum::limitOf(0x1p-101f), 0x1p-100);
  EXPECT_EQ(HistogramSum::limitOf(0x1p-100f), 0x1p-99);
  EXPECT_EQ(HistogramSum::limitOf(0x1p-149f), 0x1p-100);
}

// A largest value that is a power of two lies alone above the middle: half of the bins are the even ones.
TEST(HistogramSum, OfAPowerOfTwoLosesNothing) {
  std::vector<float> values;
  for (int i = 0; i <= 2048; ++i) values.push_back(static_cast<float>(i) / 512.0f);
  HistogramSum sum;
  sum.add(4, fineCounts(values, 8));
  const AbsHistogram h = sum.result();
  for (int b = 0; b < 2047; ++b) ASSERT_EQ(h.counts[b], 1) << b;
  EXPECT_EQ(h.counts[2047], 2);
}

// What the device counts of tensors at both ends of what a float holds.
TEST(HistogramSum, HoldsTheLargestAndTheSmallestNumbers) {
  const float most = std::numeric_limits<float>::max();
  HistogramSum sum;
  std::vector<std::int32_t> first(HistogramSum::kBins, 0), large(HistogramSum::kBins, 0);
  first[0] = 10;
  large[0] = 4, large[HistogramSum::kBins / 2] = 3, large[HistogramSum::kBins - 1] = 3;
  std::vector<std::int32_t> half(HistogramSum::kBins, 0);
  half[0] = 7, half[HistogramSum::kBins / 2] = 3;
  sum.add(most, large);
  sum.add(1e-45f, first);
  sum.add(0x1p127f, half);
  sum.add(most, large);
  const AbsHistogram h = sum.result();
  EXPECT_EQ(h.limit, static_cast<double>(most));
  EXPECT_EQ(std::accumulate(h.counts.begin(), h.counts.end(), std::int64_t{0}), 40);
  EXPECT_GE(h.counts[0], 18);
  EXPECT_EQ(h.counts[1023] + h.counts[1024], 9) << "those of 2^127";
  for (const auto method : {CalibrationMethod::MinMax, CalibrationMethod::Entropy,
                            CalibrationMethod::Percentile, CalibrationMethod::Mse}) {
    const double threshold = thresholdOf(method, h, 99.99);
    EXPECT_GT(threshold, 0) << toString(method);
    EXPECT_LE(threshold, most) << toString(method);
  }
}

TEST(HistogramSum, OfNumbersTooSmallForAScaleIsThatOfZeros) {
  for (const float top : {0x1p-149f, 0x1p-126f, 1e-36f}) {
    HistogramSum sum;
    std::vector<std::int32_t> counts(HistogramSum::kBins, 0);
    counts[0] = 10;
    sum.add(top, counts);
    for (const auto method : {CalibrationMethod::MinMax, CalibrationMethod::Entropy,
                              CalibrationMethod::Percentile, CalibrationMethod::Mse})
      EXPECT_EQ(thresholdOf(method, sum.result(), 99.99), 1) << top;
  }
}

TEST(HistogramSum, OfZerosGivesAThresholdOfOne) {
  HistogramSum sum;
  sum.add(0, fineCounts(std::vector<float>(10, 0.0f), HistogramSum::limitOf(0)));
  EXPECT_EQ(sum.result().counts[0], 10);
  EXPECT_EQ(thresholdOf(CalibrationMethod::Percentile, sum.result(), 99.99), 1);
}

TEST(Entropy, CutsAFarOutlier) {
  AbsHistogram h{2048, std::vector<std::int64_t>(2048, 0)};
  for (int b = 0; b < 200; ++b) h.counts[b] = 1000 - 4 * b;
  h.counts[2047] = 1;
  EXPECT_LT(entropyThreshold(h), 260);
  EXPECT_GE(entropyThreshold(h), 128);
}

TEST(Entropy, KeepsAllOfAUniformDistribution) {
  const AbsHistogram h{4, std::vector<std::int64_t>(2048, 7)};
  // Every width that 128 divides has no divergence for values inside, but clips the rest: only the full one
  // loses nothing.
  EXPECT_DOUBLE_EQ(entropyThreshold(h), 4);
}

TEST(Percentile, InterpolatesInsideABin) {
  const AbsHistogram h{4, {50, 30, 15, 5}};
  EXPECT_DOUBLE_EQ(percentileThreshold(h, 50), 1);
  EXPECT_DOUBLE_EQ(percentileThreshold(h, 65), 1.5);
  EXPECT_DOUBLE_EQ(percentileThreshold(h, 95), 3);
  EXPECT_DOUBLE_EQ(percentileThreshold(h, 100), 4);
}

TEST(Mse, ClipsWhereRoundingCostsMore) {
  AbsHistogram h{1000, std::vector<std::int64_t>(2048, 0)};
  for (int b = 0; b < 100; ++b) h.counts[b] = 100000;
  h.counts[2047] = 1;  // one value of 1000: keeping it would round everything else to steps of 8
  const double threshold = mseThreshold(h);
  EXPECT_LT(threshold, 600);
  EXPECT_LE(codingError(h, threshold), codingError(h, 1000));
}

TEST(Thresholds, OfATensorOfZerosIsPositive) {
  const AbsHistogram h{0, std::vector<std::int64_t>(2048, 0)};
  for (const auto method : {CalibrationMethod::MinMax, CalibrationMethod::Entropy,
                            CalibrationMethod::Percentile, CalibrationMethod::Mse})
    EXPECT_GT(thresholdOf(method, h, 99.99), 0);
}

TEST(CalibrationMethod, RoundTripsItsNames) {
  for (const char* name : {"auto", "entropy", "minmax", "percentile", "mse"})
    EXPECT_EQ(toString(parseCalibrationMethod(name)), name);
  EXPECT_THROW(parseCalibrationMethod("kl"), Error);
}

}  // namespace
}  // namespace tessera
