// Comparing outputs of an INT8 network with those of the fp32 one.
#include "calib/damage.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <limits>
#include <numeric>
#include <set>

#include "calib/class_axis.hpp"
#include "calib/statistics_run.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr int kTimedRounds = 9, kTimedAlone = 3;

double milliseconds(Context& context) {
  const auto begin = std::chrono::steady_clock::now();
  context.execute();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

struct Sums {
  std::int64_t changed = 0, places = 0;
};

// The largest class at each of `inner` places; of equal ones the first.
void largestClass(const float* scores, std::int64_t classes, std::int64_t inner, std::int32_t* index) {
  constexpr std::int64_t kTogether = 2048;  // stay in the first cache
  float value[kTogether];
  for (std::int64_t first = 0; first < inner; first += kTogether) {
    const std::int64_t count = std::min(kTogether, inner - first);
    std::int32_t* const its = index + first;
    std::copy_n(scores + first, count, value);
    std::fill_n(its, count, 0);
    for (std::int64_t c = 1; c < classes; ++c)
      for (std::int64_t i = 0; i < count; ++i) {
        const float score = scores[c * inner + first + i];
        const bool larger = score > value[i];
        value[i] = larger ? score : value[i];
        its[i] = larger ? static_cast<std::int32_t>(c) : its[i];
      }
  }
}

// The largest classes of scores of that shape, which lie along `axis`; none where there is nothing to choose.
std::vector<std::int32_t> largestClasses(const float* scores, const Shape& shape, std::size_t axis) {
  if (axis >= shape.size() || shape[axis] < 2) return {};
  const std::int64_t classes = shape[axis];
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  std::vector<std::int32_t> largest(static_cast<std::size_t>(elementCount(shape) / classes));
  if (inner == 0) return largest;
  const std::int64_t outer = static_cast<std::int64_t>(largest.size()) / inner;
  for (std::int64_t o = 0; o < outer; ++o)
    largestClass(scores + o * classes * inner, classes, inner, &largest[o * inner]);
  return largest;
}

// |r - e|^2 / |e|^2 over what is finite in e; sums of several lanes, which the compiler makes vectors of.
double relativeError(std::span<const float> e, std::span<const float> r) {
  constexpr std::size_t kLanes = 8;
  double difference[kLanes] = {}, power[kLanes] = {};
  const auto add = [&](std::size_t i, std::size_t lane) {
    const bool counts = std::abs(e[i]) <= std::numeric_limits<float>::max();
    const double y = counts ? static_cast<double>(e[i]) : 0.0;
    const double d = counts ? static_cast<double>(r[i]) - y : 0.0;
    difference[lane] += d * d;
    power[lane] += y * y;
  };
  std::size_t i = 0;
  for (; i + kLanes <= e.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) add(i + lane, lane);
  for (; i < e.size(); ++i) add(i, 0);
  return std::accumulate(std::begin(difference), std::end(difference), 0.0) /
         std::max(std::accumulate(std::begin(power), std::end(power), 0.0), 1e-30);
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

std::shared_ptr<const Engine> DamageMeter::engineOf(const Calibration* calibration,
                                                    const std::shared_ptr<const Engine>& like) const {
  EngineOptions options = calibrationEngine(like);
  options.precision = calibration ? Precision::Int8 : Precision::Fp16;
  if (calibration) options.calibration = *calibration;
  options.layerPrecision = precision_;
  return Engine::build(graph_, device_, options);
}

std::map<std::string, double> DamageMeter::layerTimes(const Calibration* calibration) {
  Context context(engineOf(calibration, like_));
  std::map<std::string, double> times;
  for (const LayerTime& time : context.profile(3)) times[time.layer.name] += time.milliseconds;
  return times;
}

double DamageMeter::runTime() const {
  Context context(last_);
  double least = milliseconds(context);
  for (int i = 1; i < kTimedAlone; ++i) least = std::min(least, milliseconds(context));
  return least;
}

std::vector<double> DamageMeter::runTimes(const std::vector<Calibration>& calibrations) {
  std::vector<Context> contexts;
  for (const Calibration& calibration : calibrations) contexts.emplace_back(engineOf(&calibration, like_));
  std::vector<std::vector<double>> times(contexts.size());
  for (int round = 0; round < kTimedRounds; ++round)
    for (std::size_t i = 0; i < contexts.size(); ++i) times[i].push_back(milliseconds(contexts[i]));
  std::vector<double> medians;
  for (auto& list : times) {
    std::ranges::nth_element(list, list.begin() + kTimedRounds / 2);
    medians.push_back(list[kTimedRounds / 2]);
  }
  return medians;
}

CalibrationDamage DamageMeter::operator()(const Calibration& calibration, BatchPart part) {
  last_ = engineOf(&calibration, like_);
  if (!like_) like_ = last_;
  return measure(last_, part);
}

std::vector<CalibrationDamage> DamageMeter::operator()(const std::vector<Candidate>& candidates,
                                                       const std::function<void(int)>& done) {
  std::vector<CalibrationDamage> damages;
  const auto build = [&](std::size_t i, const std::shared_ptr<const Engine>& like) {
    return std::async(std::launch::async, [this, &make = candidates[i].make, like] {
      const Calibration calibration = make();
      return engineOf(&calibration, like);
    });
  };
  std::future<std::shared_ptr<const Engine>> next;
  if (!candidates.empty()) next = build(0, like_);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    last_ = next.get();
    if (i + 1 < candidates.size()) next = build(i + 1, last_);
    damages.push_back(measure(last_, candidates[i].part));
    done(static_cast<int>(i) + 1);
  }
  return damages;
}

// Those of fp32, which every candidate is compared with.
const std::vector<std::int32_t>& DamageMeter::classesOf(int batch, const std::string& output,
                                                        const HostTensor& expected, std::size_t axis) {
  auto [known, isNew] = classes_.try_emplace({batch, output});
  if (isNew) known->second = largestClasses(expected.as<float>().data(), expected.shape, axis);
  return known->second;
}

// Waits for a run; results go where those of the one before were.
void DamageMeter::takeOutputs(Context& context, const TensorMap& expected) {
  for (const auto& [name, like] : expected) {
    HostTensor& result = results_[name];
    if (context.binding(name).shape != like.shape) {  // as many entries as this run has
      result = context.download(name);
      continue;
    }
    if (result.type != like.type || result.shape != like.shape) result = HostTensor(like.type, like.shape);
    context.download(name, result.data);
  }
}

CalibrationDamage DamageMeter::measure(const std::shared_ptr<const Engine>& engine, BatchPart part) {
  Context context(engine);
  CalibrationDamage damage;
  double terms = 0;
  Sums classes;
  const int end = std::min(part.end, batches());
  if (part.first < end) context.start(batches_[part.first]);
  for (int b = part.first; b < end; b += part.step, ++runs_) {
    takeOutputs(context, expected_[b]);
    if (b + part.step < end) context.start(batches_[b + part.step]);  // runs while these are compared
    for (const auto& [name, expected] : expected_[b]) {
      if (expected.type != DataType::Float32) continue;
      const auto result = results_.at(name).as<float>();
      terms += 1;
      if (result.size() != expected.as<float>().size()) {  // more or fewer found
        damage.error += 1;
        continue;
      }
      damage.error += relativeError(expected.as<float>(), result);
      const auto axis = classAxes_.find(name);
      if (axis == classAxes_.end()) continue;
      const auto& wanted = classesOf(b, name, expected, axis->second);
      const auto got = largestClasses(result.data(), expected.shape, axis->second);
      for (std::size_t i = 0; i < got.size(); ++i) classes.changed += wanted[i] != got[i];
      classes.places += static_cast<std::int64_t>(got.size());
    }
  }
  if (terms > 0) damage.error /= terms;
  if (classes.places)
    damage.changed = static_cast<double>(classes.changed) / static_cast<double>(classes.places);
  return damage;
}

}  // namespace tessera
