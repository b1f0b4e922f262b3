// INT8 arithmetic on the host.
#include "ops/quantised.hpp"

#include <algorithm>
#include <cmath>

#include "ops/curved.hpp"
#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {
constexpr const char* kZeroPoints[] = {"x_zero", "residual_zero", "zero"};
bool has(std::span<const HostTensor> inputs, std::size_t i) {
  return i < inputs.size() && !inputs[i].empty();
}
}  // namespace

std::int8_t encode(float x, float rate) {
  const float scaled = x * rate;
  if (std::isnan(scaled)) return 0;
  return static_cast<std::int8_t>(std::min(std::max(std::rint(scaled), -127.0f), 127.0f));
}

bool hasZeroPoints(const Attributes& attrs) {
  return std::ranges::any_of(kZeroPoints, [&](const char* name) { return attrs.has(name); }) ||
         attrs.has("zeros");
}

bool fillsZeros(std::string_view op) { return op == "Unpool" || op == "Trilu"; }

Encoding::Encoding(const Attributes& attrs)
    : rate_(static_cast<float>(attrs.number("rate"))),
      zero_(static_cast<float>(attrs.integer("zero"))),
      zeros_(hasZeroPoints(attrs)) {}

std::int8_t Encoding::operator()(float x) const {
  if (!zeros_) return encode(x, rate_);
  const float scaled = x * rate_;
  const float number = std::isnan(scaled) ? 0 : scaled;
  return static_cast<std::int8_t>(std::rint(std::min(std::max(number, -128.0f - zero_), 127.0f - zero_)) +
                                  zero_);
}

float inverseScale(float scale) { return static_cast<float>(1.0 / static_cast<double>(scale)); }

float combinedScale(float inputScale, float weightScale) {
  return static_cast<float>(static_cast<double>(inputScale) * static_cast<double>(weightScale));
}

bool exactPointwise(std::string_view name) {
  // Additions, products, comparisons, selections; no function of the device's library.
  static constexpr std::string_view kExact[] = {
      "Relu",        "LeakyRelu", "PRelu", "Clip", "Abs",   "Neg",   "Affine",
      "Add",         "Sub",       "Mul",   "Min",  "Max",   "Where", "Shrink",
      "HardSigmoid", "HardSwish", "Floor", "Ceil", "Round", "Sign",  "ThresholdedRelu"};
  return std::ranges::find(kExact, name) != std::end(kExact) || curvedPointwise(name);
}

bool curvedPointwise(std::string_view name) {
  // Of the functions of common/defined_math.cl.
  static constexpr std::string_view kCurved[] = {
      "Sigmoid",  "Silu", "Mish", "Tanh", "Elu", "Selu", "Celu",       "Gelu",    "GeluTanh",
      "Softplus", "Exp",  "Log",  "Erf",  "Div", "Sqrt", "Reciprocal", "Softsign"};
  return std::ranges::find(kCurved, name) != std::end(kCurved);
}

bool definedPointwise(std::string_view name) {
  const PointwiseOp* row = findPointwise(name);
  return exactPointwise(name) || (row && row->toBool());
}

QuantisedEpilogue::QuantisedEpilogue(const OpView& op, std::span<const HostTensor> inputs)
    : inputs_(inputs), activation_(op.attrs.string("activation")), encoding_(op.attrs) {
  if (!activation_.empty()) {
    const auto constants = pointwiseConstants(*findPointwise(activation_), op.attrs);
    alpha_ = constants.alpha;
    beta_ = constants.beta;
  }
  residualScale_ = static_cast<float>(op.attrs.number("residual_scale"));
  residualZero_ = static_cast<float>(op.attrs.integer("residual_zero"));
}

float QuantisedEpilogue::value(std::int32_t accumulator, std::int64_t channel, std::int64_t index) const {
  float y = static_cast<float>(accumulator) * inputs_[kMultiplierInput].as<float>()[channel];
  if (has(inputs_, kBiasInput)) y = y + inputs_[kBiasInput].as<float>()[channel];
  if (has(inputs_, kResidualInput)) {
    const HostTensor& residual = inputs_[kResidualInput];
    if (residual.type == DataType::Int8) {
      const float r =
          (static_cast<float>(residual.as<std::int8_t>()[index]) - residualZero_) * residualScale_;
      y = y + r;
    } else {
      y = y + residual.as<float>()[index];
    }
  }
  const float slope = has(inputs_, kSlopeInput)
                          ? inputs_[kSlopeInput].as<float>()[inputs_[kSlopeInput].size() == 1 ? 0 : channel]
                          : 0.0f;
  return applyActivation(activation_, y, alpha_, beta_, slope);
}

void QuantisedEpilogue::store(HostTensor& output, std::int64_t index, std::int32_t accumulator,
                              std::int64_t channel) const {
  const float y = value(accumulator, channel, index);
  if (output.type == DataType::Int8)
    output.as<std::int8_t>()[index] = encoding_(y);
  else
    output.as<float>()[index] = y;
}

DataType checkQuantised(const Attributes& attrs, std::span<const TensorDesc> inputs, const Shape& output,
                        std::int64_t outChannels) {
  wantInputs(inputs, 2, 6);
  if (inputs[0].type != DataType::Int8 || inputs[1].type != DataType::Int8)
    refuse("wants i8 input and weights");
  if (inputs.size() <= kMultiplierInput || inputs[kMultiplierInput].size() != outChannels)
    refuse("wants one multiplier per output channel");
  checkEpilogue(attrs, inputs, output, outChannels);
  if (inputs.size() > kResidualInput && inputs[kResidualInput].type == DataType::Int8 &&
      !(attrs.number("residual_scale") > 0))
    refuse("a residual of codes needs residual_scale");
  for (const char* name : kZeroPoints)
    if (attrs.integer(name) < -128 || attrs.integer(name) > 127) refuse(std::string(name) + " is no code");
  if (!attrs.has("rate")) return DataType::Float32;
  if (!(attrs.number("rate") > 0)) refuse("rate must be positive");
  return DataType::Int8;
}

namespace {
// The same with codes of the whole range around zero points; those of x and y take turns between the ends and
// inside.
OpInstance withZeroPoints(OpInstance sample, int turn) {
  Attributes& attrs = sample.view.attrs;
  attrs.set("x_zero", std::int64_t{turn % 2 == 0 ? -128 : 37});
  if (attrs.has("rate")) attrs.set("zero", std::int64_t{turn % 2 == 0 ? 11 : -128});
  if (attrs.has("residual_scale")) attrs.set("residual_zero", std::int64_t{-9});
  for (const std::size_t i : {std::size_t{0}, kResidualInput})
    if (i < sample.view.inputs.size() && sample.view.inputs[i].type == DataType::Int8)
      sample.fills[i] = Fill::integers(-128, 127);
  return sample;
}
}  // namespace

std::vector<OpInstance> quantisedSamples(const std::string& op, const std::vector<OpInstance>& floatSamples) {
  std::vector<OpInstance> samples;
  int turn = 0;
  for (const OpInstance& from : floatSamples) {
    if (from.view.inputs[0].type != DataType::Float32 || !from.view.inputs[1].constant) continue;
    OpInstance to = from;
    to.view.op = op;
    auto& inputs = to.view.inputs;
    inputs.resize(kMultiplierInput + 1);
    to.fills.resize(inputs.size());
    const std::int64_t channels = from.view.outputs[0].shape[1];
    inputs[0].type = inputs[1].type = DataType::Int8;
    to.fills[0] = to.fills[1] = Fill::integers(-127, 127);
    if (operatorNamed(op).traits().window && turn % 2 == 1) {
      to.view.attrs.set("nonnegative", std::int64_t{1});
      to.fills[0] = Fill::integers(0, 127);
    }
    inputs[kMultiplierInput] = {DataType::Float32, {channels}, {}, true};
    to.fills[kMultiplierInput] = Fill::uniform(1e-5, 2e-4);
    if (inputs[kResidualInput].present() && turn % 2 == 0) {  // residuals of codes and of floats take turns
      inputs[kResidualInput].type = DataType::Int8;
      to.fills[kResidualInput] = Fill::integers(-127, 127);
      to.view.attrs.set("residual_scale", static_cast<double>(0.013f));
    }
    if (turn % 4 != 3) to.view.attrs.set("rate", static_cast<double>(37.5f));
    to.view.outputs = operatorNamed(op).infer(to.view.attrs, inputs);
    samples.push_back(to);
    if (turn++ % 3 == 0) samples.push_back(withZeroPoints(std::move(to), turn));
  }
  return samples;
}

}  // namespace tessera
