/// \file
/// A pointwise operator as the pointwise family runs it: a chain over operands, each with a way to be read.
#pragma once

#include <string>
#include <vector>

#include "clkernels/family.hpp"
#include "ops/pointwise_chain.hpp"

namespace tessera {

/// What a kernel computes in. Narrow integers and bool compute in Int.
enum class ComputeType { Float, Int, Long };

/// How an operand is read for element (n, c, p) of the output.
enum class OperandKind {
  Full,     ///< lies as the output does
  Scalar,   ///< one value
  Channel,  ///< one value per channel, or per batch item and channel: offset + n * batch + c
  Strided,  ///< any other broadcast
};

struct PointwiseOperand {
  int input = 0;    ///< of the operator
  TensorDesc desc;  ///< shape as it broadcasts, numpy-aligned with the output
  OperandKind kind = OperandKind::Full;
  std::int64_t batch = 0;  ///< elements between batch items; 0: the same for all
  float scale = 0;         ///< of codes: they enter as (float(code) - zero) * scale; 0: not codes
  float zero = 0;          ///< of codes
};

struct PointwiseJob {
  PointwiseChain chain;  ///< without steps: y = x0 converted
  ComputeType compute = ComputeType::Float;
  std::vector<PointwiseOperand> operands;  ///< xK of the chain
  TensorDesc output;

  enum class Mode { Flat, Channel, Strided } mode = Mode::Flat;
  bool tail = false;     ///< the last channel block has padding lanes
  bool mask = false;     ///< padding lanes must be set to zero explicitly
  bool oneItem = false;  ///< Flat: the whole tensor is one run of elements
  float rate = 0;        ///< the result becomes a code: clamp(rint(f * rate), -127, 127); 0: it does not
  bool zeros = false;    ///< codes have zero points and go from -128 to 127
  float zero = 0;        ///< of the result's codes

  bool has(OperandKind kind) const;
};

/// Throws Error(Unsupported) with the reason where the family can not run it.
PointwiseJob pointwiseJob(const OpView& op);

}  // namespace tessera
