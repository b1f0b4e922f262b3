// matmul_naive: y = a * b, a work-item per output element.
//
// table[3*item .. ] holds where the item's matrices begin in a, b and y; rows of a, b and y lie aRow, bRow, yRow apart.
// P_T: float or half, all matrices; the sum is f32
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"

__kernel void matmul_naive(__global const P_T* restrict a, __global const P_T* restrict b,
                           __global const int* restrict table, __global P_T* restrict y, int count, int m, int k,
                           int n, int aRow, int bRow, int yRow) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int column = i % n, row = i / n % m, item = i / (n * m);
  const int aAt = table[3 * item] + row * aRow, bAt = table[3 * item + 1] + column;
  float sum = 0.0f;
  for (int j = 0; j < k; ++j) sum += LOAD(P_T, 1, a, aAt + j) * LOAD(P_T, 1, b, bAt + j * bRow);
  STORE(P_T, 1, sum, y, table[3 * item + 2] + row * yRow + column);
}
