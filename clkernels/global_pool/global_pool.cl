// global_pool: maximum, mean or p-norm of each channel's plane. Rows: see common/rows.cl, one per item and channel; the
// padding channels of a blocked layout are rows of zeros and give zeros.
//
// P_MODE   0 maximum, 1 mean, 2 p-norm
// P_POWER  p
// P_TYPE   type of x and y: float, half, or char of codes (maximum)
// Defined to the bit where T_LANES is fixed (docs/numerics.md), but for other powers.
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/operand.cl"
#include "common/rows.cl"

__kernel void global_pool(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, ROW_PARAMETERS) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int used = row < rows ? length : 0;
  const int xRow = X_ROW(row);
  float best = -INFINITY, sum = 0.0f;
  FOR_RUNS(first, used) {
    float run = 0.0f;
    FOR_RUN(j, first, used) {
      const float v = LOAD_ALIGNED(P_TYPE, 1, x, xRow + X_ELEMENT(j));
      if (P_MODE == 0)
        best = greater(best, v);
      else if (P_MODE == 1)
        run += v;
      else
        run += P_POWER == 1 ? fabs(v) : P_POWER == 2 ? v * v : pow(fabs(v), (float)P_POWER);
    }
    sum += run;
  }
#if P_MODE == 0
  best = ROW_MAX(best);
#elif P_MODE == 1
  best = definedDivide_1(ROW_SUM(sum), (float)length);
#else
  sum = ROW_SUM(sum);
  best = P_POWER == 1 ? sum : P_POWER == 2 ? definedSqrt_1(sum) : pow(sum, 1.0f / P_POWER);
#endif
  if (lane == 0 && row < rows) STORE_ALIGNED(P_TYPE, 1, best, y, Y_ROW(row));
}
