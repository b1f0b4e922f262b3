// cum_sum: running sums along an axis; a work-item per line, planar.
//
// Element k of line `line` has the row-major index line / inner * length * inner + k * inner + line % inner.
// P_TYPE  float, half (sums are float), int or long; P_EXCLUSIVE, P_REVERSE  0 or 1
#include "common/index.cl"
#include "common/operand.cl"

#if !defined(P_TYPE) || !defined(P_EXCLUSIVE) || !defined(P_REVERSE)
#error "cum_sum needs P_TYPE, P_EXCLUSIVE and P_REVERSE"
#endif

__kernel void cum_sum(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int lines, int length, int inner,
                      int xOffset, int xItem, int xBatch, int yOffset, int yItem, int yBatch) {
  const int line = get_global_id(0);
  if (line >= lines) return;
  const int base = line / inner * length * inner + line % inner;
  NUMBERS(P_TYPE, 1) sum = 0;
  for (int k = 0; k < length; ++k) {
    const int i = base + (P_REVERSE ? length - 1 - k : k) * inner;
    const NUMBERS(P_TYPE, 1) next = sum + LOAD_NUMBERS(P_TYPE, 1, x, place(i, xOffset, xItem, xBatch));
    STORE_NUMBERS(P_TYPE, 1, P_EXCLUSIVE ? sum : next, y, place(i, yOffset, yItem, yBatch));
    sum = next;
  }
}
