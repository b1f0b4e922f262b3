// normalize: y = (x - mean) / deviation of a row (entry mean_variance), or y = x / p-norm of a row (entry lp_normalize),
// then scale and bias. Rows: see common/rows.cl; padding channels become 0.
//
// The mean is taken twice, of x and of x - (the first mean): what is large and common to a row does not cost digits.
// P_SCALE          which scale and bias an element gets: 0 none, 1 its row's channel's, 2 j / divisor % modulus, 3 the first
// P_BIAS           0, 1: a bias beside the scale
// P_DIVIDE         mean_variance: 0 subtract the mean only, 1 divide by sqrt(variance + epsilon), 2 by
//                  sqrt(variance) + epsilon
// P_POWER          lp_normalize: 1, 2, or another p
// P_TYPE   type of x and y: float or half
// Defined to the bit where T_LANES is fixed (docs/numerics.md), but for other powers.
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/operand.cl"
#include "common/rows.cl"

static inline float scaled(float v, __global const float* scale, __global const float* bias, int channel, int element) {
  const int at = P_SCALE == 1 ? channel : P_SCALE == 2 ? element : 0;
#if P_SCALE
  v *= scale[at];
#endif
#if P_BIAS
  v += bias[at];
#endif
  return v;
}

__kernel void mean_variance(__global const P_TYPE* restrict x, __global const float* restrict scale,
                            __global const float* restrict bias, __global P_TYPE* restrict y, int divisor, int modulus,
                            float epsilon, ROW_PARAMETERS) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int used = row < rows && !rowIsPadding(row) ? length : 0;
  const int xRow = X_ROW(row), yRow = Y_ROW(row);
  float sum = 0.0f;
  for (int j = lane; j < used; j += T_LANES) sum += LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j));
  const float about = definedDivide_1(ROW_SUM(sum), (float)length);  // rounded: the mean is `shift` beside it
  float offs = 0.0f, squares = 0.0f;
  FOR_RUNS(first, used) {
    float offRun = 0.0f, squareRun = 0.0f;
    FOR_RUN(j, first, used) {
      const float off = LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)) - about;
      offRun += off;
      squareRun += off * off;
    }
    offs += offRun;
    squares += squareRun;
  }
  const float shift = definedDivide_1(ROW_SUM(offs), (float)length);
  const float squared = definedDivide_1(ROW_SUM(squares), (float)length) - shift * shift;
  const float variance = squared < 0.0f ? 0.0f : squared;
  float factor = 1.0f;
  if (P_DIVIDE == 1) factor = definedDivide_1(1.0f, definedSqrt_1(variance + epsilon));
  if (P_DIVIDE == 2) factor = definedDivide_1(1.0f, definedSqrt_1(variance) + epsilon);
  for (int j = lane; j < used; j += T_LANES) {
    const float v = (LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)) - about - shift) * factor;
    STORE(P_TYPE, 1, scaled(v, scale, bias, ROW_CHANNEL(row), j / divisor % modulus), y, yRow + Y_ELEMENT(j));
  }
  for (int j = used + lane; j < (row < rows ? storedLength : 0); j += T_LANES)
    STORE(P_TYPE, 1, 0.0f, y, yRow + Y_ELEMENT(j));
}

__kernel void lp_normalize(__global const P_TYPE* restrict x, __global const float* restrict scale,
                           __global const float* restrict bias, __global P_TYPE* restrict y, int divisor, int modulus,
                           float epsilon, ROW_PARAMETERS) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int used = row < rows && !rowIsPadding(row) ? length : 0;
  const int xRow = X_ROW(row), yRow = Y_ROW(row);
  float sum = 0.0f;
  FOR_RUNS(first, used) {
    float run = 0.0f;
    FOR_RUN(j, first, used) {
      const float v = fabs(LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)));
      run += P_POWER == 1 ? v : P_POWER == 2 ? v * v : pow(v, (float)P_POWER);
    }
    sum += run;
  }
  sum = ROW_SUM(sum) + epsilon;
  const float norm = P_POWER == 1 ? sum : P_POWER == 2 ? definedSqrt_1(sum) : pow(sum, 1.0f / P_POWER);
  for (int j = lane; j < used; j += T_LANES) {
    const float v = definedDivide_1(LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)), norm);
    STORE(P_TYPE, 1, scaled(v, scale, bias, ROW_CHANNEL(row), j / divisor % modulus), y, yRow + Y_ELEMENT(j));
  }
  for (int j = used + lane; j < (row < rows ? storedLength : 0); j += T_LANES)
    STORE(P_TYPE, 1, 0.0f, y, yRow + Y_ELEMENT(j));
}
