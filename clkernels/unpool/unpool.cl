// unpool: y[index] = x over zeros, planar. fill writes the zeros, unpool scatters.
//
// indices are flat over y's shape; n = index / yItem, so that y may be a slice of a larger buffer.
// P_TYPE  element type (uchar, ushort, uint or ulong: bytes are moved, not interpreted)

__kernel void fill(__global P_TYPE* restrict y, int count, int yItem, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i < count) y[yBase + i / yItem * yBatch + i % yItem] = 0;
}

__kernel void unpool(__global const P_TYPE* restrict x, __global const long* restrict indices,
                     __global P_TYPE* restrict y, int count, int xItem, int yItem, int yCount, int xBase, int xBatch,
                     int iBase, int iBatch, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int n = i / xItem, rest = i % xItem;
  const long at = indices[iBase + n * iBatch + rest];
  if (at < 0 || at >= yCount) return;
  const int to = (int)at;
  y[yBase + to / yItem * yBatch + to % yItem] = x[xBase + n * xBatch + rest];
}
