// concat_channels: channels [0, count) of x become channels [start, start + count) of y, in any channel blocks.
//
//   index(n, c, p) = offset + n * batch + ((c / block) * plane + p) * block + c % block
// A work-item writes the lanes of one block of y at one position that come from x; with `last` set it writes the
// padding lanes, too (zero). Calls for neighbouring inputs touch the same block in turn, so they run in order.
//
// P_TYPE            uchar, ushort, uint or ulong
// P_XBLOCK, P_YBLOCK  channel blocks
#if !defined(P_TYPE) || !defined(P_XBLOCK) || !defined(P_YBLOCK)
#error "concat_channels needs P_TYPE, P_XBLOCK and P_YBLOCK"
#endif

__kernel void concat_channels(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int plane, int start,
                              int count, int last, int xOffset, int xBatch, int yOffset, int yBatch) {
  const int p = get_global_id(0), k = start / P_YBLOCK + get_global_id(1), n = get_global_id(2);
  if (p >= plane || k * P_YBLOCK >= start + count) return;
  x += xOffset + n * xBatch;
  y += yOffset + n * yBatch + (k * plane + p) * P_YBLOCK;
  for (int l = 0; l < P_YBLOCK; ++l) {
    const int c = k * P_YBLOCK + l - start;
    if (c >= 0 && c < count) y[l] = x[((c / P_XBLOCK) * plane + p) * P_XBLOCK + c % P_XBLOCK];
    else if (c >= count && last) y[l] = 0;
  }
}
