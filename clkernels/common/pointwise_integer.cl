// Integer functions the rows of common/pointwise.def call. Compiled as OpenCL C and as C++.
//
// INTEGER   the type: int or long
// UNSIGNED  the unsigned type of the same size: wrap-around is defined there

// By masks, not by a choice: Mesa's llvmpipe (22.3) crashes while compiling the minimum of 64-bit integers.
static inline INTEGER integerEither(INTEGER first, INTEGER second, int takeFirst) {
  const UNSIGNED mask = (UNSIGNED)0 - (UNSIGNED)takeFirst;
  return (INTEGER)(((UNSIGNED)first & mask) | ((UNSIGNED)second & ~mask));
}
static inline INTEGER integerMin(INTEGER a, INTEGER b) { return integerEither(a, b, a < b); }
static inline INTEGER integerMax(INTEGER a, INTEGER b) { return integerEither(a, b, a > b); }

// Truncates. Division by zero gives 0; the most negative number divided by -1 wraps (both would trap on a CPU).
static inline INTEGER integerDiv(INTEGER a, INTEGER b) {
  if (b == 0) return 0;
  if (b == -1) return (INTEGER)((UNSIGNED)0 - (UNSIGNED)a);
  return a / b;
}

// fmod == 0: the result has the divisor's sign, as in Python; otherwise the dividend's, as in C.
static inline INTEGER integerMod(INTEGER a, INTEGER b, INTEGER fmod) {
  if (b == 0 || b == -1) return 0;
  const INTEGER rest = a % b;
  return fmod == 0 && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// Wraps around; a negative exponent gives the truncated reciprocal.
static inline INTEGER integerPow(INTEGER a, INTEGER b) {
  if (b < 0) return a == 1 ? 1 : (a == -1 ? ((b & 1) ? -1 : 1) : 0);
  UNSIGNED result = 1, power = (UNSIGNED)a;
  for (; b > 0; b >>= 1) {
    if (b & 1) result *= power;
    power *= power;
  }
  return (INTEGER)result;
}

// Shifts of unsigned numbers; a shift by the width or more gives 0.
static inline INTEGER integerShiftLeft(INTEGER a, INTEGER b) {
  return b < 0 || b >= (INTEGER)(8 * sizeof(INTEGER)) ? 0 : (INTEGER)((UNSIGNED)a << b);
}
static inline INTEGER integerShiftRight(INTEGER a, INTEGER b) {
  return b < 0 || b >= (INTEGER)(8 * sizeof(INTEGER)) ? 0 : (INTEGER)((UNSIGNED)a >> b);
}
