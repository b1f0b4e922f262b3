// softmax: exp(x - max) / sum of a row, or x - max - log(sum). Rows: see common/rows.cl; padding lanes become 0.
//
// P_LOG   0, 1: the logarithm
// P_TYPE   type of x and y: float or half
#include "common/operand.cl"
#include "common/rows.cl"

__kernel void softmax(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, ROW_PARAMETERS) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int used = row < rows && !rowIsPadding(row) ? length : 0;
  const int xRow = X_ROW(row), yRow = Y_ROW(row);
  float top = -INFINITY;
  for (int j = lane; j < used; j += T_LANES) top = fmax(top, LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)));
  top = ROW_MAX(top);
  float sum = 0.0f;
  for (int j = lane; j < used; j += T_LANES) sum += exp(LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)) - top);
  sum = ROW_SUM(sum);
  const float logSum = P_LOG ? log(sum) : 0.0f;
  for (int j = lane; j < used; j += T_LANES) {
    const float off = LOAD(P_TYPE, 1, x, xRow + X_ELEMENT(j)) - top;
    STORE(P_TYPE, 1, P_LOG ? off - logSum : exp(off) / sum, y, yRow + Y_ELEMENT(j));
  }
  for (int j = used + lane; j < (row < rows ? storedLength : 0); j += T_LANES)
    STORE(P_TYPE, 1, 0.0f, y, yRow + Y_ELEMENT(j));
}
