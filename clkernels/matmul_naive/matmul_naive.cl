// matmul_naive: y = a * b, a work-item per output element.
//
// table[3*item .. ] holds where the item's matrices begin in a, b and y; rows of a, b and y lie aRow, bRow, yRow apart.
// P_ELEMENT: see common/element.cl; the sum is f32
#define P_WIDTH 1
#include "common/element.cl"

__kernel void matmul_naive(__global const ELEMENT* restrict a, __global const ELEMENT* restrict b,
                           __global const int* restrict table, __global ELEMENT* restrict y, int count, int m, int k,
                           int n, int aRow, int bRow, int yRow) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int column = i % n, row = i / n % m, item = i / (n * m);
  const int aAt = table[3 * item] + row * aRow, bAt = table[3 * item + 1] + column;
  float sum = 0.0f;
  for (int j = 0; j < k; ++j) sum += loadElement(a, aAt + j) * loadElement(b, bAt + j * bRow);
  storeElement(sum, y, table[3 * item + 2] + row * yRow + column);
}
