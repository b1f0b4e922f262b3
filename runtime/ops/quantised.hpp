/// \file
/// INT8 arithmetic on the host, to the bit as docs/numerics.md defines it.
#pragma once

#include "ops/operator.hpp"

namespace tessera {

/// The code of x: clamp(rint(x * rate), -127, 127); NaN gives 0. `rate` is inverseScale(scale).
std::int8_t encode(float x, float rate);
/// Whether a layer's attributes say that its codes have zero points (`x_zero`, `residual_zero`, `zeros` of
/// what it reads, `zero` of what it writes): then those that are not given are 0, and codes go from -128 to
/// 127.
bool hasZeroPoints(const Attributes& attrs);
/// Whether an operator that moves elements makes some that are 0, whatever the type: no zero point of codes.
bool fillsZeros(std::string_view op);
/// How a layer with attributes `rate` and `zero` makes codes: encode(x, rate), or with zero points
/// clamp(rint(x * rate) + zero, -128, 127), where NaN gives the zero point.
class Encoding {
 public:
  explicit Encoding(const Attributes& attrs);
  std::int8_t operator()(float x) const;

 private:
  float rate_, zero_;
  bool zeros_;
};
/// float(1 / double(scale)): what x is multiplied by to give its code.
float inverseScale(float scale);
/// float(double(x) * double(w)): what an accumulator is multiplied by.
float combinedScale(float inputScale, float weightScale);

/// Whether a pointwise row is made of exactly rounded operations only, so that every device gives the same
/// bits.
bool exactPointwise(std::string_view name);
/// As exactPointwise, for an `activation` attribute ("" is none).
inline bool exactActivation(std::string_view name) { return name.empty() || exactPointwise(name); }

/// Inputs of QConvolution, QDeconvolution and QFullyConnected: as the float operator's, and the multipliers.
inline constexpr std::size_t kMultiplierInput = 5;

/// The epilogue from accumulator to result, every operation rounded to f32 on its own.
class QuantisedEpilogue {
 public:
  QuantisedEpilogue(const OpView& op, std::span<const HostTensor> inputs);
  /// The value before encoding; `index` is the flat index into the residual.
  float value(std::int32_t accumulator, std::int64_t channel, std::int64_t index) const;
  /// Stores value() as a code or as f32, as the output's type asks.
  void store(HostTensor& output, std::int64_t index, std::int32_t accumulator, std::int64_t channel) const;

 private:
  std::span<const HostTensor> inputs_;
  std::string activation_;
  float alpha_ = 0, beta_ = 0, residualScale_ = 0, residualZero_ = 0;
  Encoding encoding_;
};

/// Checks weights (i8), multiplier [K], epilogue operands, zero points, and returns the output's type: i8
/// where attribute `rate` is given, else f32. Throws Error(InvalidArgument).
DataType checkQuantised(const Attributes& attrs, std::span<const TensorDesc> inputs, const Shape& output,
                        std::int64_t outChannels);

/// Turns a float operator's sample (x, weights, ...) into the quantised one's: codes, multipliers, rate,
/// residual kinds.
std::vector<OpInstance> quantisedSamples(const std::string& op, const std::vector<OpInstance>& floatSamples);

}  // namespace tessera
