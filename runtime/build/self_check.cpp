#include "build/self_check.hpp"

#include <algorithm>
#include <cmath>

#include "exec/engine_impl.hpp"
#include "exec/random_inputs.hpp"
#include "ops/operator.hpp"
#include "plan/pieces.hpp"
#include "tessera/context.hpp"

namespace tessera {
namespace {

constexpr std::uint32_t kSeed = 1;
constexpr std::int64_t kMostSamples = 256;

TensorMap outputsOf(const Engine& engine, std::uint32_t seed) {
  // The context does not outlive the engine, whoever owns that.
  Context context(std::shared_ptr<const Engine>(std::shared_ptr<const Engine>(), &engine));
  return context.run(randomInputs(engine, seed));
}

Checksum checksumOfValue(const HostTensor& value) {
  return tessera::checksumOf({reinterpret_cast<const char*>(value.data.data()), value.data.size()});
}

std::vector<double> samplesOf(const HostTensor& value) {
  std::vector<double> samples;
  const std::int64_t step = std::max<std::int64_t>((value.size() + kMostSamples - 1) / kMostSamples, 1);
  for (std::int64_t i = 0; i < value.size(); i += step) samples.push_back(value.number(i));
  return samples;
}

double rangeOf(const HostTensor& value) {
  double range = 0;
  for (std::int64_t i = 0; i < value.size(); ++i)
    if (const double x = std::fabs(value.number(i)); std::isfinite(x)) range = std::max(range, x);
  return range;
}

bool definedToTheBit(const Engine& engine) {
  return std::ranges::all_of(engine.impl().lowered.steps, [](const Step& step) {
    const Tolerance tolerance = operatorNamed(step.view.op).tolerance(step.view);
    return tolerance.absolute == 0 && tolerance.relative == 0;
  });
}

// Of an output's range.
double allowedError(Precision precision) {
  switch (precision) {
    case Precision::Fp32:
      return 1e-3;
    case Precision::Fp16:
      return 3e-2;
    case Precision::Int8:
      break;
  }
  return 5e-2;
}

struct Compared {
  std::size_t off = 0;    // samples beyond the tolerance
  double difference = 0;  // the largest, as a share of the range
};
Compared compareSamples(const std::vector<double>& found, const GoldenOutput& wanted, double tolerance) {
  Compared result;
  const double range = std::max(wanted.range, 1e-30);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double x = found[i], y = wanted.samples[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double share = std::fabs(x - y) / range;
    if (share <= tolerance) {
      result.difference = std::max(result.difference, share);
      continue;
    }
    ++result.off;
  }
  return result;
}

}  // namespace

Golden makeGolden(const Engine& engine) {
  Golden golden{kSeed, definedToTheBit(engine), {}};
  for (const auto& [name, value] : outputsOf(engine, kSeed))
    golden.outputs.push_back({name, checksumOfValue(value), rangeOf(value), samplesOf(value)});
  return golden;
}

SelfCheck compareWithGolden(const Engine& engine, const Golden& golden) {
  constexpr std::size_t kOneIn = 20;  // so few samples may be off
  const Engine::Impl& impl = engine.impl();
  const auto fail = [&](const std::string& output, const std::string& what) {
    throw Error(ErrorCode::DeviceError, "The plan of '" + impl.name + "' fails its self-check on " +
                                            impl.caps.name + " (" + impl.caps.driver + "): output '" +
                                            output + "' " + what + " what it was where the plan was made.");
  };
  SelfCheck check;
  check.exact = true;
  const TensorMap outputs = outputsOf(engine, golden.seed);
  for (const GoldenOutput& wanted : golden.outputs) {
    const auto it = outputs.find(wanted.name);
    if (it == outputs.end()) fail(wanted.name, "is missing, which is not");
    const HostTensor& found = it->second;
    ++check.outputs;
    if (checksumOfValue(found) == wanted.checksum) continue;
    if (golden.exact) fail(wanted.name, "is not, bit by bit,");
    check.exact = false;
    // How many rows there are may turn on one rounding, and with it every row.
    if (std::ranges::find(impl.counted, wanted.name, &CountedOutput::output) != impl.counted.end()) continue;
    const auto samples = samplesOf(found);
    if (samples.size() != wanted.samples.size()) fail(wanted.name, "is not as long as");
    const Compared compared = compareSamples(samples, wanted, allowedError(impl.precision));
    check.difference = std::max(check.difference, compared.difference);
    if (compared.off * kOneIn > samples.size())
      fail(wanted.name, "differs in " + std::to_string(compared.off) + " of " +
                            std::to_string(samples.size()) + " samples from");
  }
  return check;
}

}  // namespace tessera
