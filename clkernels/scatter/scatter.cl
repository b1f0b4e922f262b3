// scatter_copy, scatter_elements, scatter_nd: y = x, then updates go (or are combined) where indices say; planar.
//
// Updates of one place are applied in order by one work-item, so results do not depend on timing. Indices count from the
// end where negative and are clamped into their extent. xOffset, xItem, xBatch: see place() in common/index.cl.
// P_TYPE    float, half (each result is rounded to it), int, long; where nothing is combined a raw type: bytes are moved
// P_INDEX   int or long
// P_REDUCE  1: updates are combined with what is there
// Arguments: rank: extents (scatter_elements), or those that a tuple addresses (scatter_nd), 1 to 8; reduction: 1 add,
// 2 mul, 3 max, 4 min.
#include "common/index.cl"
#include "common/operand.cl"

#if !defined(P_TYPE) || !defined(P_INDEX) || !defined(P_REDUCE)
#error "scatter needs P_TYPE, P_INDEX and P_REDUCE"
#endif

static inline int indexInto(P_INDEX index, int extent) {
  return (int)clamp(index < 0 ? index + extent : index, (P_INDEX)0, (P_INDEX)(extent - 1));
}

#if P_REDUCE
#define VALUE NUMBERS(P_TYPE, 1)
#define VALUE_AT(p, i) LOAD_NUMBERS(P_TYPE, 1, p, i)
#define STORE_VALUE(v, p, i) STORE_NUMBERS(P_TYPE, 1, v, p, i)
#else
#define VALUE P_TYPE
#define VALUE_AT(p, i) ((p)[i])
#define STORE_VALUE(v, p, i) ((p)[i] = (v))
#endif

static inline VALUE combine(VALUE a, VALUE b, int reduction) {
  if (P_REDUCE == 0) return b;
  if (reduction == 1) return a + b;
  if (reduction == 2) return a * b;
  if (a != a) return a;  // what is not a number stays so
  return (reduction == 3 ? a > b : a < b) ? a : b;
}

__kernel void scatter_copy(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int count, int xOffset, int xItem,
                           int xBatch, int yOffset, int yItem, int yBatch) {
  const int i = get_global_id(0);
  if (i < count)
    STORE_VALUE(VALUE_AT(x, place(i, xOffset, xItem, xBatch)), y, place(i, yOffset, yItem, yBatch));
}

#define EIGHT(name) int name##0, int name##1, int name##2, int name##3, int name##4, int name##5, int name##6, int name##7
#define ARRAY(name) {name##0, name##1, name##2, name##3, name##4, name##5, name##6, name##7}
#define HEAD                                                                                                      \
  __global const P_INDEX *restrict indices, __global const P_TYPE *restrict updates, __global P_TYPE *restrict y,  \
      int count, int iOffset, int iItem, int iBatch, int uOffset, int uItem, int uBatch, int yOffset, int yItem,  \
      int yBatch, int rank, int reduction

// A work-item per line along the axis. Extents e of the indices (innermost first, 1 along the axis), strides is of the
// indices and s of y (0 along the axis).
__kernel void scatter_elements(HEAD, int length, int indexStride, int extent, int axisStride, EIGHT(e), EIGHT(is), EIGHT(s)) {
  int rest = get_global_id(0);
  if (rest >= count) return;
  const int e[8] = ARRAY(e), is[8] = ARRAY(is), s[8] = ARRAY(s);
  int from = 0, to = 0;
#pragma unroll
  for (int d = 0; d < 8; ++d) {
    if (d == rank) break;
    const int at = rest % e[d];
    rest /= e[d];
    from += at * is[d];
    to += at * s[d];
  }
  for (int k = 0; k < length; ++k) {
    const int i = from + k * indexStride;
    const int j = place(to + indexInto(indices[place(i, iOffset, iItem, iBatch)], extent) * axisStride, yOffset, yItem, yBatch);
    STORE_VALUE(combine(VALUE_AT(y, j), VALUE_AT(updates, place(i, uOffset, uItem, uBatch)), reduction), y, j);
  }
}

// A work-item per element of a slice, over all tuples in order; without reduction (tuples are unique) per element of
// the updates: then `each` is the number of tuples and `tuples` 1.
__kernel void scatter_nd(HEAD, int tuples, int each, int slice, EIGHT(e)) {
  const int id = get_global_id(0);
  if (id >= slice * each) return;
  const int e[8] = ARRAY(e);
  const int i = id % slice, first = id / slice;
  for (int t = first; t < first + tuples; ++t) {
    int at = 0;
#pragma unroll
    for (int d = 0; d < 8; ++d) {
      if (d == rank) break;
      at = at * e[d] + indexInto(indices[place(t * rank + d, iOffset, iItem, iBatch)], e[d]);
    }
    const int j = place(at * slice + i, yOffset, yItem, yBatch);
    STORE_VALUE(combine(VALUE_AT(y, j), VALUE_AT(updates, place(t * slice + i, uOffset, uItem, uBatch)), reduction), y, j);
  }
}
