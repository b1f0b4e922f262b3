/// \file
/// Functions of floats made of exactly rounded steps (clkernels/common/defined_math.cl), bit for bit as
/// kernels compute them; and the same in double, for references.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tessera {

#define MATH_NAME(name) name
#define MATH_FMA std::fma
#define MATH_T float
#define MATH_I std::int32_t
#define MATH_AS_INT std::bit_cast<std::int32_t>
#define MATH_AS_FLOAT std::bit_cast<float>
#include "clkernels/common/defined_math.cl"

inline double definedDivide(double a, double b) { return a / b; }
inline double definedSqrt(double x) { return std::sqrt(x); }
inline double definedExp(double x) { return std::exp(x); }
inline double definedExpm1(double x) { return std::expm1(x); }
inline double definedLog(double x) { return std::log(x); }
inline double definedLog1p(double x) { return std::log1p(x); }
inline double definedSigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double definedTanh(double x) { return std::tanh(x); }
inline double definedTanhOfSoftplus(double x) {
  return std::tanh(std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x))));
}
inline double definedErf(double x) { return std::erf(x); }

}  // namespace tessera
