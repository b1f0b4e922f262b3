// Comparing outputs of an INT8 network with those of the fp32 one.
#include "calib/damage.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "calib/statistics_run.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

struct Sums {
  std::int64_t changed = 0, places = 0;
};

// Positions whose largest channel differs, of an output [N, C, ...].
void countChanges(const HostTensor& expected, const HostTensor& result, Sums& sums) {
  if (expected.shape.size() < 2 || expected.shape[1] < 2) return;
  const auto e = expected.as<float>(), r = result.as<float>();
  const std::int64_t channels = expected.shape[1];
  const std::int64_t plane = expected.size() / std::max<std::int64_t>(expected.shape[0] * channels, 1);
  std::vector<std::int64_t> bestE(plane), bestR(plane);
  for (std::int64_t n = 0; n < expected.shape[0]; ++n) {
    const std::int64_t base = n * channels * plane;
    std::fill(bestE.begin(), bestE.end(), 0);
    std::fill(bestR.begin(), bestR.end(), 0);
    for (std::int64_t c = 1; c < channels; ++c)
      for (std::int64_t i = 0; i < plane; ++i) {
        const std::int64_t at = base + c * plane + i;
        if (e[at] > e[base + bestE[i] * plane + i]) bestE[i] = c;
        if (r[at] > r[base + bestR[i] * plane + i]) bestR[i] = c;
      }
    for (std::int64_t i = 0; i < plane; ++i) sums.changed += bestE[i] != bestR[i];
    sums.places += plane;
  }
}

}  // namespace

DamageMeter::DamageMeter(const Graph& optimized, const Device& device, const PrecisionOptions& precision,
                         std::vector<TensorMap> batches, std::shared_ptr<const Engine> like)
    : graph_(optimized),
      device_(device),
      precision_(precision),
      batches_(std::move(batches)),
      like_(std::move(like)) {
  Context context(Engine::build(graph_, device_, calibrationEngine(like_)));
  for (const auto& batch : batches_) expected_.push_back(context.run(batch));
  like_ = nullptr;
  std::set<std::string> odd;
  for (const auto& outputs : expected_)
    for (const auto& [name, value] : outputs)
      if (value.type == DataType::Float32 && !std::all_of(value.as<float>().begin(), value.as<float>().end(),
                                                          [](float v) { return std::isfinite(v); }))
        odd.insert(name);
  for (const auto& name : odd)
    log().warn("output '{}' holds infinities or NaN in fp32; INT8 is compared with its other values", name);
}

CalibrationDamage DamageMeter::operator()(const Calibration& calibration, int first, int count) {
  EngineOptions options = calibrationEngine(like_);
  options.precision = Precision::Int8;
  options.calibration = calibration;
  options.layerPrecision = precision_;
  const auto engine = Engine::build(graph_, device_, options);
  like_ = engine;
  Context context(engine);
  CalibrationDamage damage;
  double terms = 0;
  Sums classes;
  const int end = count < batches() - first ? first + count : batches();
  if (first < end) context.start(batches_[first]);
  for (int b = first; b < end; ++b, ++runs_) {
    const TensorMap results = context.finish();
    if (b + 1 < end) context.start(batches_[b + 1]);  // runs while these are compared
    for (const auto& [name, expected] : expected_[b]) {
      if (expected.type != DataType::Float32) continue;
      const auto e = expected.as<float>(), r = results.at(name).as<float>();
      double difference = 0, power = 0;
      for (std::size_t i = 0; i < e.size(); ++i) {
        if (!std::isfinite(e[i])) continue;
        const double d = static_cast<double>(r[i]) - static_cast<double>(e[i]);
        difference += d * d;
        power += static_cast<double>(e[i]) * static_cast<double>(e[i]);
      }
      damage.error += difference / std::max(power, 1e-30);
      terms += 1;
      countChanges(expected, results.at(name), classes);
    }
  }
  if (terms > 0) damage.error /= terms;
  if (classes.places)
    damage.changed = static_cast<double>(classes.changed) / static_cast<double>(classes.places);
  return damage;
}

}  // namespace tessera
