// gather, gather_elements, gather_nd: elements picked by index tensors; planar, a work-item per element of y.
//
// Elements are bytes moved. Indices count from the end where negative and are clamped into their extent.
// xOffset, xItem, xBatch and the like: see place() in common/index.cl.
// P_TYPE   uchar, ushort, uint or ulong
// P_INDEX  int or long
// P_RANK   gather_elements: extents; gather_nd: extents that a tuple addresses; 1 to 8
#include "common/index.cl"

#if !defined(P_TYPE) || !defined(P_INDEX) || !defined(P_RANK)
#error "gather needs P_TYPE, P_INDEX and P_RANK"
#endif

static inline int indexInto(P_INDEX index, int extent) {
  return (int)clamp(index < 0 ? index + extent : index, (P_INDEX)0, (P_INDEX)(extent - 1));
}

#define HEAD                                                                                                  \
  __global const P_TYPE *restrict x, __global const P_INDEX *restrict indices, __global P_TYPE *restrict y,   \
      int count, int xOffset, int xItem, int xBatch, int iOffset, int iItem, int iBatch, int yOffset, int yItem, int yBatch

// x [outer, extent, inner], y [outer, picks, inner]
__kernel void gather(HEAD, int extent, int picks, int inner) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int pick = i / inner % picks, outer = i / inner / picks;
  const int k = indexInto(indices[place(pick, iOffset, iItem, iBatch)], extent);
  y[place(i, yOffset, yItem, yBatch)] = x[place((outer * extent + k) * inner + i % inner, xOffset, xItem, xBatch)];
}

#define EIGHT(name) int name##0, int name##1, int name##2, int name##3, int name##4, int name##5, int name##6, int name##7
#define ARRAY(name) {name##0, name##1, name##2, name##3, name##4, name##5, name##6, name##7}

// Extents e of the indices, innermost first, and strides s of x, 0 along the axis, whose stride is axisStride.
__kernel void gather_elements(HEAD, int extent, int axisStride, EIGHT(e), EIGHT(s)) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int e[8] = ARRAY(e), s[8] = ARRAY(s);
  int from = indexInto(indices[place(i, iOffset, iItem, iBatch)], extent) * axisStride;
  int rest = i;
  for (int d = 0; d < P_RANK; ++d) {
    from += rest % e[d] * s[d];
    rest /= e[d];
  }
  y[place(i, yOffset, yItem, yBatch)] = x[place(from, xOffset, xItem, xBatch)];
}

// y [batches * tuples, slice]; a tuple of P_RANK indices addresses extents e of x, outermost first.
__kernel void gather_nd(HEAD, int tuples, int slice, int batchElements, EIGHT(e)) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int e[8] = ARRAY(e);
  const int t = i / slice;
  int at = 0;
  for (int d = 0; d < P_RANK; ++d) at = at * e[d] + indexInto(indices[place(t * P_RANK + d, iOffset, iItem, iBatch)], e[d]);
  const int from = t / tuples * batchElements + at * slice + i % slice;
  y[place(i, yOffset, yItem, yBatch)] = x[place(from, xOffset, xItem, xBatch)];
}
