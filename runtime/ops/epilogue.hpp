/// \file
/// The fused epilogue of convolutions and their kin on the host: checks, scalar reference, samples' operands.
#pragma once

#include "ops/operator.hpp"
#include "ops/pointwise.hpp"

namespace tessera {

/// Where weights and the operands of the epilogue stand among a layer's inputs.
inline constexpr std::size_t kWeightsInput = 1, kBiasInput = 2, kResidualInput = 3, kSlopeInput = 4;

/// All elements of a tensor, empty for an absent one; and back.
std::vector<double> toDoubles(const HostTensor& tensor);
void storeDoubles(HostTensor& tensor, const std::vector<double>& values);

/// Checks inputs 2 to 4 (bias, residual, slope) and the activation; throws Error(InvalidArgument) with the
/// reason.
void checkEpilogue(const Attributes& attrs, std::span<const TensorDesc> inputs, const Shape& output,
                   std::int64_t outChannels);

/// y = act(value + bias + residual) in double.
class EpilogueReference {
 public:
  EpilogueReference(const OpView& op, std::span<const HostTensor> inputs);
  double operator()(double value, std::int64_t channel, std::int64_t index) const;

 private:
  const PointwiseOp* activation_ = nullptr;
  PointwiseConstants constants_;
  std::vector<double> bias_, residual_, slope_;
};

/// Bound on the error of a sum of `terms` products of numbers up to about one, taken in f32 in any order,
/// Winograd's transforms included.
Tolerance sumTolerance(std::int64_t terms);

/// Operator::takesHalf() of the operators with an epilogue: bias and slopes stay f32, they are few and added
/// last.
inline bool halfInEpilogue(std::size_t input) { return input != 2 && input != 4; }

/// Adds one sample per activation of the table, and the combinations of absent and present operands, to
/// `samples`. `base` has inputs x and weights.
void addEpilogueSamples(std::vector<OpInstance>& samples, const OpInstance& base, std::int64_t outChannels);

}  // namespace tessera
