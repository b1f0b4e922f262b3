// arg_reduce: index of the best element along an axis; of equal ones (or NaNs) the first (P_LAST 0) or the last (1).
//
// A work-item per line: neighbours read neighbours. Along channels of a blocked x (P_BLOCKED 1) element c of the line at
// position p lies at ((c / block) * inner + p) * block + c % block; otherwise elements are axisStride apart, beginning at
// place(outer * length * inner + p) (common/index.cl).
//
// P_TYPE   element type
// P_MAX    1: the largest, 0: the smallest
#include "common/index.cl"
#include "common/operand.cl"

#if !defined(P_TYPE) || !defined(P_MAX) || !defined(P_LAST) || !defined(P_BLOCKED)
#error "arg_reduce needs P_TYPE, P_MAX, P_LAST and P_BLOCKED"
#endif

#define VALUE NUMBERS(P_TYPE, 1)

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
                         int axisStride, int block, int xOffset, int xItem, int xBatch, int yOffset, int yItem, int yBatch) {
  const int line = get_global_id(0);
  if (line >= lines) return;
  const int outer = line / inner, p = line % inner;
  int best = 0;
#if P_BLOCKED
  __global const P_TYPE* from = x + xOffset + outer * xBatch + p * block;
  VALUE value = LOAD_NUMBERS(P_TYPE, 1, from, 0);
  for (int k = 0; k < length; k += block) {
    const int lanes = min(block, length - k);
    for (int l = 0; l < lanes; ++l) {
      const VALUE other = LOAD_NUMBERS(P_TYPE, 1, from, l);
      const bool better = BETTER(other, value);
      best = better ? k + l : best;
      value = better ? other : value;
    }
    from += inner * block;
  }
#else
  __global const P_TYPE* from = x + place(outer * length * inner + p, xOffset, xItem, xBatch);
  VALUE value = LOAD_NUMBERS(P_TYPE, 1, from, 0);
  for (int c = 1; c < length; ++c) {
    const VALUE other = LOAD_NUMBERS(P_TYPE, 1, from, c * axisStride);
    const bool better = BETTER(other, value);
    best = better ? c : best;
    value = better ? other : value;
  }
#endif
  y[place(line, yOffset, yItem, yBatch)] = best;
}
