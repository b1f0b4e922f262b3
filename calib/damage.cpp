// Comparing outputs of an INT8 network with those of the fp32 one.
#include "calib/damage.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <set>

#include "calib/class_axis.hpp"
#include "calib/statistics_run.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr int kTimedRounds = 9;

struct Sums {
  std::int64_t changed = 0, places = 0;
};

// Positions whose largest class differs; classes lie along `axis`.
void countChanges(const HostTensor& expected, const HostTensor& result, std::size_t axis, Sums& sums) {
  const Shape& shape = expected.shape;
  if (axis >= shape.size() || shape[axis] < 2 || expected.size() == 0) return;
  const auto e = expected.as<float>(), r = result.as<float>();
  const std::int64_t classes = shape[axis];
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  std::vector<std::int64_t> bestE(inner), bestR(inner);
  for (std::int64_t base = 0; base < expected.size(); base += classes * inner) {
    std::fill(bestE.begin(), bestE.end(), 0);
    std::fill(bestR.begin(), bestR.end(), 0);
    for (std::int64_t c = 1; c < classes; ++c)
      for (std::int64_t i = 0; i < inner; ++i) {
        const std::int64_t at = base + c * inner + i;
        if (e[at] > e[base + bestE[i] * inner + i]) bestE[i] = c;
        if (r[at] > r[base + bestR[i] * inner + i]) bestR[i] = c;
      }
    for (std::int64_t i = 0; i < inner; ++i) sums.changed += bestE[i] != bestR[i];
    sums.places += inner;
  }
}

}  // namespace

DamageMeter::DamageMeter(const Graph& optimized, const Device& device, const PrecisionOptions& precision,
                         std::vector<TensorMap> batches, std::vector<TensorMap> expected)
    : graph_(optimized),
      device_(device),
      precision_(precision),
      batches_(std::move(batches)),
      expected_(std::move(expected)) {
  if (expected_.empty()) {
    Context context(Engine::build(graph_, device_, calibrationEngine()));
    for (const auto& batch : batches_) expected_.push_back(context.run(batch));
  }
  for (const TensorId id : graph_.outputs())
    if (const auto axis = classAxis(graph_, id)) classAxes_[graph_.tensor(id).name] = *axis;
  std::set<std::string> odd;
  for (const auto& outputs : expected_)
    for (const auto& [name, value] : outputs)
      if (value.type == DataType::Float32 && !std::all_of(value.as<float>().begin(), value.as<float>().end(),
                                                          [](float v) { return std::isfinite(v); }))
        odd.insert(name);
  for (const auto& name : odd)
    log().warn("output '{}' holds infinities or NaN in fp32; INT8 is compared with its other values", name);
}

std::shared_ptr<const Engine> DamageMeter::engineOf(const Calibration* calibration) const {
  EngineOptions options = calibrationEngine(like_);
  options.precision = calibration ? Precision::Int8 : Precision::Fp16;
  if (calibration) options.calibration = *calibration;
  options.layerPrecision = precision_;
  return Engine::build(graph_, device_, options);
}

std::map<std::string, double> DamageMeter::layerTimes(const Calibration* calibration) {
  Context context(engineOf(calibration));
  std::map<std::string, double> times;
  for (const LayerTime& time : context.profile(3)) times[time.layer.name] += time.milliseconds;
  return times;
}

std::vector<double> DamageMeter::runTimes(const std::vector<Calibration>& calibrations) {
  std::vector<Context> contexts;
  for (const Calibration& calibration : calibrations) contexts.emplace_back(engineOf(&calibration));
  std::vector<std::vector<double>> times(contexts.size());
  for (int round = 0; round < kTimedRounds; ++round)
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      const auto begin = std::chrono::steady_clock::now();
      contexts[i].execute();
      times[i].push_back(
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
  std::vector<double> medians;
  for (auto& list : times) {
    std::ranges::nth_element(list, list.begin() + kTimedRounds / 2);
    medians.push_back(list[kTimedRounds / 2]);
  }
  return medians;
}

CalibrationDamage DamageMeter::operator()(const Calibration& calibration, BatchPart part) {
  const auto engine = engineOf(&calibration);
  like_ = engine;
  return measure(engine, part);
}

std::vector<CalibrationDamage> DamageMeter::operator()(const std::vector<Candidate>& candidates,
                                                       const std::function<void(int)>& done) {
  std::vector<CalibrationDamage> damages;
  const auto build = [&](std::size_t i) {
    return std::async(std::launch::async, [this, &make = candidates[i].make] {
      const Calibration calibration = make();
      return engineOf(&calibration);
    });
  };
  std::future<std::shared_ptr<const Engine>> next;
  if (!candidates.empty()) next = build(0);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    like_ = next.get();
    const auto engine = like_;
    if (i + 1 < candidates.size()) next = build(i + 1);
    damages.push_back(measure(engine, candidates[i].part));
    done(static_cast<int>(i) + 1);
  }
  return damages;
}

CalibrationDamage DamageMeter::measure(const std::shared_ptr<const Engine>& engine, BatchPart part) {
  Context context(engine);
  CalibrationDamage damage;
  double terms = 0;
  Sums classes;
  const int end = std::min(part.end, batches());
  if (part.first < end) context.start(batches_[part.first]);
  for (int b = part.first; b < end; b += part.step, ++runs_) {
    const TensorMap results = context.finish();
    if (b + part.step < end) context.start(batches_[b + part.step]);  // runs while these are compared
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
      if (const auto axis = classAxes_.find(name); axis != classAxes_.end())
        countChanges(expected, results.at(name), axis->second, classes);
    }
  }
  if (terms > 0) damage.error /= terms;
  if (classes.places)
    damage.changed = static_cast<double>(classes.changed) / static_cast<double>(classes.places);
  return damage;
}

}  // namespace tessera
