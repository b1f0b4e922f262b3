// one_hot: y[.., j, ..] = values[index == j] along a new axis of `depth` elements; planar, a work-item per element.
//
// P_TYPE   uchar, ushort, uint or ulong: values are bytes moved; P_INDEX  type of the indices
#include "common/index.cl"

#if !defined(P_TYPE) || !defined(P_INDEX)
#error "one_hot needs P_TYPE and P_INDEX"
#endif

__kernel void one_hot(__global const P_INDEX* restrict indices, __global const P_TYPE* restrict values,
                      __global P_TYPE* restrict y, int count, int depth, int inner, int valuesOffset, int iOffset, int iItem,
                      int iBatch, int yOffset, int yItem, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int line = i / inner / depth * inner + i % inner;
  long index = (long)indices[place(line, iOffset, iItem, iBatch)];
  if (index < 0) index += depth;
  y[place(i, yOffset, yItem, yBatch)] = values[valuesOffset + (index == i / inner % depth ? 1 : 0)];
}
