/// \file
/// Chains of pointwise operators: the `expression` attribute of operator Pointwise.
///
/// Grammar (blanks are not allowed):
///   expression := step { ";" step }
///   step       := "t" INDEX "=" name "(" argument { "," argument } ")"      INDEX counts 0, 1, 2, ...
///   argument   := "x" K          input K of the layer, broadcast against the output
///               | "t" J          an earlier step
///               | number         a constant, e.g. 0.5, -1e-3, inf
///               | ("alpha" | "beta") "=" number     overrides the row's default; after the operands
///   name       := a row of clkernels/common/pointwise.def that takes floats, or "Where" (condition, a, b)
/// The value is the last step's. Everything is f32; conditions are 0 or 1. Example (a residual, a batch norm,
/// ReLU6):
///   t0=Add(x0,x1);t1=Mul(t0,x2);t2=Add(t1,x3);t3=Clip(t2,alpha=0,beta=6)
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/pointwise.hpp"

namespace tessera {

struct ChainOperand {
  enum class Kind { Input, Step, Number } kind = Kind::Input;
  int index = 0;  ///< of the input or the step
  float number = 0;
  static ChainOperand input(int i) { return {Kind::Input, i, 0}; }
  static ChainOperand step(int i) { return {Kind::Step, i, 0}; }
  static ChainOperand constant(float v) { return {Kind::Number, 0, v}; }
  bool operator==(const ChainOperand&) const = default;
};

struct ChainStep {
  std::string op;  ///< a row's name, or "Where"
  std::vector<ChainOperand> operands;
  float alpha = 0, beta = 0;
  const PointwiseOp* row = nullptr;  ///< of `op`; null for Where
  ChainStep() = default;
  /// Constants are the row's defaults. A name that chains do not know leaves `row` null; check() refuses it.
  explicit ChainStep(std::string name, std::vector<ChainOperand> values = {});
  bool operator==(const ChainStep&) const = default;
};

struct PointwiseChain {
  std::vector<ChainStep> steps;

  /// Throws Error(InvalidArgument) that says what is wrong where.
  static PointwiseChain parse(std::string_view text);
  /// Canonical text; alpha and beta appear where they differ from the row's defaults. parse(text()) gives
  /// this back.
  std::string text() const;

  int inputCount() const;  ///< one more than the highest input used
  /// Appends a step with the attributes of the layer it stands for; returns the operand that names its value.
  ChainOperand append(const std::string& op, std::vector<ChainOperand> operands,
                      const Attributes& attrs = {});
  /// Puts x`input` * x`scale` in the place of x`input`.
  void scaleInput(int input, int scale);
  /// Refuses unknown rows, wrong operand counts, references forward; parse() has done it.
  void check() const;

  double evaluate(std::span<const double> inputs) const;      ///< in double, for references
  float evaluateSingle(std::span<const float> inputs) const;  ///< each operation rounded to f32
  bool operator==(const PointwiseChain&) const = default;
};

/// Whether a chain may hold the operator: a row that takes floats, or Where.
bool fitsChain(std::string_view op);

}  // namespace tessera
