// trilu: a triangle of the last two extents, zeros elsewhere; planar, a work-item per element.
//
// P_TYPE   uchar, ushort, uint or ulong: elements are bytes moved; P_UPPER  0 or 1
#include "common/index.cl"

#if !defined(P_TYPE) || !defined(P_UPPER)
#error "trilu needs P_TYPE and P_UPPER"
#endif

__kernel void trilu(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int count, int rows, int columns, int k,
                    int xOffset, int xItem, int xBatch, int yOffset, int yItem, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int distance = i % columns - i / columns % rows;
  const bool kept = P_UPPER ? distance >= k : distance <= k;
  y[place(i, yOffset, yItem, yBatch)] = kept ? x[place(i, xOffset, xItem, xBatch)] : (P_TYPE)0;
}
