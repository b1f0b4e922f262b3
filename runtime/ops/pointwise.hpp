/// \file
/// The table of pointwise operators (clkernels/common/pointwise.def) on the host: look-up, evaluation, kernel
/// text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/attributes.hpp"

namespace tessera {

enum class PointwiseKind { Unary, Predicate, Binary, Compare, Logic, Bits };

/// One row. Functions take (x or a, b, alpha, beta); unary ones ignore b. Predicates, comparisons and logic
/// return 0 or 1.
struct PointwiseOp {
  std::string_view name;
  PointwiseKind kind;
  bool activation = false;
  double alpha = 0, beta = 0;                             ///< defaults of the attributes
  std::string_view expression;                            ///< OpenCL C text over floats; empty: integers only
  std::string_view integerExpression;                     ///< OpenCL C text over integers; empty: floats only
  float (*single)(float, float, float, float) = nullptr;  ///< each operation rounded to f32, as kernels do
  double (*wide)(double, double, double, double) = nullptr;  ///< for references
  std::int64_t (*integer)(std::int64_t, std::int64_t, std::int64_t, std::int64_t) = nullptr;

  int arity() const { return kind == PointwiseKind::Unary || kind == PointwiseKind::Predicate ? 1 : 2; }
  bool toBool() const {
    return kind == PointwiseKind::Predicate || kind == PointwiseKind::Compare || kind == PointwiseKind::Logic;
  }
};

const std::vector<PointwiseOp>& pointwiseTable();
/// Null where there is no such row.
const PointwiseOp* findPointwise(std::string_view name);
/// Names that `activation` attributes may hold (besides ""), in the order of the table.
std::vector<std::string> activationNames();
bool isActivation(std::string_view name);

/// alpha and beta of a layer: its attributes, or the row's defaults, rounded to f32.
struct PointwiseConstants {
  float alpha = 0, beta = 0;
};
PointwiseConstants pointwiseConstants(const PointwiseOp& op, const Attributes& attrs);
/// A constant as an integer operand: truncated, saturated to the 64-bit range; NaN is 0.
std::int64_t saturatedInteger(double value);

/// y = activation(x) in f32 as the fused epilogues compute it; `slope` feeds PRelu. An empty name is the
/// identity.
float applyActivation(std::string_view activation, float x, float alpha, float beta, float slope = 0);

}  // namespace tessera
