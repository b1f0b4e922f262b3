// top_k: the k best elements of each line along an axis, best first; planar.
//
// A work-item per element counts those that rank before it (better ones, and equal ones with a lower index); where
// fewer than k do, that number is its place. No sorting, no order dependence; work is quadratic in the line.
// P_TYPE  element type; P_LARGEST 1: large ones are better
#include "common/index.cl"
#include "common/operand.cl"

#if !defined(P_TYPE) || !defined(P_LARGEST)
#error "top_k needs P_TYPE and P_LARGEST"
#endif

#define VALUE NUMBERS(P_TYPE, 1)
// NaN ranks above every number; NaNs are equals: every element has a place of its own.
#if P_LARGEST
#define BETTER(a, b) ((a) > (b) || ((a) != (a) && (b) == (b)))
#else
#define BETTER(a, b) ((a) < (b) || ((a) == (a) && (b) != (b)))
#endif
#define EQUAL(a, b) ((a) == (b) || ((a) != (a) && (b) != (b)))

__kernel void top_k(__global const P_TYPE* restrict x, __global P_TYPE* restrict values, __global long* restrict indices,
                    int count, int length, int inner, int k, int xOffset, int xItem, int xBatch, int vOffset, int vItem,
                    int vBatch, int iOffset, int iItem, int iBatch) {
  const int id = get_global_id(0);
  if (id >= count) return;
  // Neighbouring work-items take neighbouring lines, then elements: they compare with the same elements.
  const int in = id % inner, at = id / inner % length, outer = id / inner / length;
  const int base = outer * length * inner + in;
  const int own = place(base + at * inner, xOffset, xItem, xBatch);
  const VALUE value = LOAD_NUMBERS(P_TYPE, 1, x, own);
  int rank = 0;
  for (int j = 0; j < length; ++j) {
    const VALUE other = LOAD_NUMBERS(P_TYPE, 1, x, place(base + j * inner, xOffset, xItem, xBatch));
    rank += BETTER(other, value) || (EQUAL(other, value) && j < at);
  }
  if (rank >= k) return;
  const int to = (outer * k + rank) * inner + in;
  STORE_NUMBERS(P_TYPE, 1, value, values, place(to, vOffset, vItem, vBatch));
  indices[place(to, iOffset, iItem, iBatch)] = at;
}
