// arg_reduce: index of the best element along an axis; of equal ones (or NaNs) the first (P_LAST 0) or the last (1).
//
// A work-item per line: neighbours read neighbours. Along channels of a blocked x (P_BLOCK > 1) element c of the line at
// position p lies at ((c / P_BLOCK) * inner + p) * P_BLOCK + c % P_BLOCK; otherwise elements are axisStride apart,
// beginning at place(outer * length * inner + p) (common/index.cl).
//
// P_TYPE   element type; P_HALF 1: half in memory
// P_MAX    1: the largest, 0: the smallest
#include "common/index.cl"

#if !defined(P_TYPE) || !defined(P_HALF) || !defined(P_MAX) || !defined(P_LAST) || !defined(P_BLOCK)
#error "arg_reduce needs P_TYPE, P_HALF, P_MAX, P_LAST and P_BLOCK"
#endif

#if P_HALF
#define VALUE float
#define LOAD(p, i) vload_half(i, p)
#else
#define VALUE P_TYPE
#define LOAD(p, i) ((p)[i])
#endif

// NaN counts as better than every number.
#if P_MAX && P_LAST
#define BETTER(a, b) ((a) >= (b) || (a) != (a))
#elif P_MAX
#define BETTER(a, b) ((a) > (b) || ((a) != (a) && (b) == (b)))
#elif P_LAST
#define BETTER(a, b) ((a) <= (b) || (a) != (a))
#else
#define BETTER(a, b) ((a) < (b) || ((a) != (a) && (b) == (b)))
#endif

__kernel void arg_reduce(__global const P_TYPE* restrict x, __global long* restrict y, int lines, int length, int inner,
                         int axisStride, int xOffset, int xItem, int xBatch, int yOffset, int yItem, int yBatch) {
  const int line = get_global_id(0);
  if (line >= lines) return;
  const int outer = line / inner, p = line % inner;
  int best = 0;
#if P_BLOCK > 1
  __global const P_TYPE* from = x + xOffset + outer * xBatch + p * P_BLOCK;
  VALUE value = LOAD(from, 0);
  for (int k = 0; k < length; k += P_BLOCK) {
    const int lanes = min(P_BLOCK, length - k);
    for (int l = 0; l < lanes; ++l) {
      const VALUE other = LOAD(from, l);
      const bool better = BETTER(other, value);
      best = better ? k + l : best;
      value = better ? other : value;
    }
    from += inner * P_BLOCK;
  }
#else
  __global const P_TYPE* from = x + place(outer * length * inner + p, xOffset, xItem, xBatch);
  VALUE value = LOAD(from, 0);
  for (int c = 1; c < length; ++c) {
    const VALUE other = LOAD(from, c * axisStride);
    const bool better = BETTER(other, value);
    best = better ? c : best;
    value = better ? other : value;
  }
#endif
  y[place(line, yOffset, yItem, yBatch)] = best;
}
