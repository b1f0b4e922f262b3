// softmax: exp(x - max) / sum of a row, or x - max - log(sum). Rows: see common/rows.cl; padding lanes become 0.
//
// Defined to the bit (docs/numerics.md): exponentials are added as whole multiples of 2^-P_SHIFT, in 64 bits, which is
// exact in any order. The greatest element's is 1, so that sums are at least 1.
// P_LOG    0, 1: the logarithm
// P_SHIFT  so that a row of ones does not overflow
// P_TYPE   type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/operand.cl"
#include "common/rows.cl"
#if !defined(P_LOG) || !defined(P_SHIFT)
#error "softmax needs P_LOG and P_SHIFT"
#endif

__kernel void softmax(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, ROW_PARAMETERS) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int used = row < rows && !rowIsPadding(row) ? length : 0;
  const int xRow = X_ROW(row), yRow = Y_ROW(row);
  float top = -INFINITY;
  for (int j = lane; j < used; j += T_LANES) top = greater(top, LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)));
  top = ROW_MAX(top);
  const int finite = fabs(top) < INFINITY;
  long whole = 0;
  for (int j = lane; j < used; j += T_LANES) {
    const float e = definedExp_1(LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)) - top);
    whole += finite ? (long)(e * (float)(1L << P_SHIFT)) : 0;
  }
  whole = rowSumOfWhole(whole, rowScratch);
  const float sum = (float)whole * (1.0f / (float)(1L << P_SHIFT));
  const float last = P_LOG ? definedLog_1(sum) : definedReciprocal_1(sum);
  for (int j = lane; j < used; j += T_LANES) {
    const float off = LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)) - top;
    const float share = definedExp_1(off) * last;
    const float value = P_LOG ? off - last : (share < 0x1p-126f ? 0.0f : share);
    STORE(P_TYPE, 1, finite ? value : NAN, y, yRow + Y_ELEMENT(j));
  }
  for (int j = used + lane; j < (row < rows ? storedLength : 0); j += T_LANES)
    STORE(P_TYPE, 1, 0.0f, y, yRow + Y_ELEMENT(j));
}
