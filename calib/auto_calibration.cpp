// The default calibration: every method competes on the calibration data.
#include "calib/auto_calibration.hpp"

#include <algorithm>
#include <cmath>

#include "lower/precision.hpp"
#include "ops/quantised.hpp"
#include "tessera/log.hpp"

namespace tessera {

DamageMeter::DamageMeter(const Graph& optimized, const Device& device, const PrecisionOptions& precision,
                         std::vector<TensorMap> batches)
    : graph_(optimized), device_(device), precision_(precision), batches_(std::move(batches)) {
  EngineOptions options;
  options.optimized = true;
  Context context(Engine::build(graph_, device_, options));
  for (const auto& batch : batches_) expected_.push_back(context.run(batch));
}

double DamageMeter::operator()(const Calibration& calibration, int batches) {
  EngineOptions options;
  options.optimized = true;
  options.precision = Precision::Int8;
  options.calibration = calibration;
  options.layerPrecision = precision_;
  Context context(Engine::build(graph_, device_, options));
  double total = 0;
  int terms = 0;
  for (std::size_t b = 0; b < batches_.size() && static_cast<int>(b) < batches; ++b, ++runs_) {
    const TensorMap results = context.run(batches_[b]);
    for (const auto& [name, expected] : expected_[b]) {
      if (expected.type != DataType::Float32) continue;
      const auto e = expected.as<float>(), r = results.at(name).as<float>();
      double difference = 0, power = 0;
      for (std::size_t i = 0; i < e.size(); ++i) {
        const double d = static_cast<double>(r[i]) - static_cast<double>(e[i]);
        difference += d * d;
        power += static_cast<double>(e[i]) * static_cast<double>(e[i]);
      }
      total += difference / std::max(power, 1e-30);
      ++terms;
    }
  }
  return terms ? total / terms : 0;
}

std::map<std::string, float> scalesBy(CalibrationMethod method,
                                      const std::map<std::string, AbsHistogram>& histograms, double percent) {
  std::map<std::string, float> scales;
  for (const auto& [name, histogram] : histograms)
    scales[name] = static_cast<float>(thresholdOf(method, histogram, percent)) / 127.0f;
  return scales;
}

std::map<std::string, std::vector<float>> biasCorrections(
    const Graph& graph, const std::map<std::string, std::vector<double>>& channelMeans) {
  std::map<std::string, std::vector<float>> corrections;
  for (const Layer& layer : graph.layers()) {
    if (int8Role(graph, layer) != Int8Role::Compute || layer.op == "FullyConnected") continue;
    const auto means = channelMeans.find(graph.tensor(layer.inputs[0]).name);
    if (means == channelMeans.end()) continue;
    const bool transposed = layer.op == "Deconvolution";
    const HostTensor& weights = *graph.tensor(layer.inputs[1]).constant;
    const std::int64_t group = layer.attrs.integer("group", 1);
    const CodedWeights coded = encodeWeights(weights, transposed ? 1 : 0, transposed ? group : 1);
    const auto codes = coded.codes.as<std::int8_t>();
    const auto w = weights.as<float>();
    const std::int64_t taps = weights.size() / (weights.shape[0] * weights.shape[1]);
    // An output pixel of a deconvolution sees only the taps of its phase.
    double share = 1;
    if (transposed)
      for (const auto stride : layer.attrs.integers("strides")) share /= static_cast<double>(stride);
    std::vector<double> sums(coded.scales.size(), 0);
    for (std::int64_t i = 0; i < weights.size(); ++i) {
      const std::int64_t first = i / taps / weights.shape[1], second = i / taps % weights.shape[1];
      const std::int64_t perGroupIn = transposed ? weights.shape[0] / group : weights.shape[1];
      const std::int64_t k = transposed ? first / perGroupIn * weights.shape[1] + second : first;
      const std::int64_t c = transposed ? first : first / (weights.shape[0] / group) * perGroupIn + second;
      sums[k] +=
          (static_cast<double>(w[i]) - static_cast<double>(codes[i]) * static_cast<double>(coded.scales[k])) *
          means->second[c] * share;
    }
    auto& correction = corrections[layer.name];
    for (const double sum : sums) correction.push_back(static_cast<float>(sum));
  }
  return corrections;
}

namespace {

constexpr CalibrationMethod kMethods[] = {CalibrationMethod::MinMax, CalibrationMethod::Percentile,
                                          CalibrationMethod::Mse, CalibrationMethod::Entropy};

// Tensors where the methods disagree most about the error, relative to the tensor's power: the ones worth a
// trial.
std::vector<std::string> disputed(const AutoInputs& in) {
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [name, h] : in.histograms) {
    double power = 0, total = 0;
    for (std::size_t b = 0; b < h.counts.size(); ++b) {
      const double x = (static_cast<double>(b) + 0.5) * h.binWidth();
      power += static_cast<double>(h.counts[b]) * x * x;
      total += static_cast<double>(h.counts[b]);
    }
    if (!(power > 0)) continue;
    double low = INFINITY, high = 0;
    for (const auto method : kMethods) {
      const double error = codingError(h, thresholdOf(method, h, in.options.percentile));
      low = std::min(low, error);
      high = std::max(high, error);
    }
    order.emplace_back(-(high - low) * total / power, name);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> names;
  for (auto& [_, name] : order) names.push_back(std::move(name));
  return names;
}

}  // namespace

void chooseAutomatically(const AutoInputs& in, DamageMeter& damage, CalibrationResult& result) {
  Calibration& best = result.calibration;
  const auto report = [&](const char* stage, int done, int total) {
    if (in.options.progress) in.options.progress(stage, done, total);
  };
  double least = INFINITY;
  int tried = 0;
  for (const auto method : kMethods) {
    Calibration candidate = best;
    candidate.scales = scalesBy(method, in.histograms, in.options.percentile);
    const double d = damage(candidate);
    result.damage[std::string(toString(method))] = d;
    report("methods", ++tried, 4);
    if (d < least) {
      least = d;
      best.scales = candidate.scales;
      result.chosen = toString(method);
    }
  }
  if (in.options.biasCorrection) {
    Calibration candidate = best;
    candidate.biasCorrection = biasCorrections(in.graph, in.channelMeans);
    const double d = damage(candidate);
    result.damage["bias correction"] = d;
    if (d < least) {
      least = d;
      best.biasCorrection = std::move(candidate.biasCorrection);
      result.chosen += ", bias correction";
    }
  }
  // Per tensor: the other methods' thresholds, where they differ, judged on the same batches. The search may
  // take as many runs as there are calibration batches, so that calibration stays within a small multiple of
  // inference.
  int changed = 0;
  const auto names = disputed(in);
  int at = 0;
  for (const auto& name : names) {
    if (damage.runs() >= in.batches) break;
    report("tensors", ++at, static_cast<int>(names.size()));
    for (const auto method : kMethods) {
      if (damage.runs() >= in.batches) break;
      const float scale =
          static_cast<float>(thresholdOf(method, in.histograms.at(name), in.options.percentile)) / 127.0f;
      if (std::abs(scale / best.scales[name] - 1) < 0.02f) continue;
      Calibration candidate = best;
      candidate.scales[name] = scale;
      const double d = damage(candidate);
      if (d >= least * 0.998) continue;
      least = d;
      best = std::move(candidate);
      ++changed;
    }
  }
  if (changed) result.chosen += ", " + std::to_string(changed) + " tensors by their own";
  result.damage["auto"] = least;
  log().info("calibration: {} (relative error of the outputs {:.3e})", result.chosen, least);
}

}  // namespace tessera
