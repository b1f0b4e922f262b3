// concat_channels: P_PARTS inputs become channels [start, end) of y, one after the other, in any channel blocks.
//
//   index(n, c, p) = offset + n * batch + ((c / block) * plane + p) * block + c % block
// A work-item writes the lanes of one block of y at one position that come from the inputs; with `last` set it writes
// the padding lanes, too (zero). Calls for neighbouring inputs may touch the same block, so they run in order.
//
// P_TYPE              uchar, ushort, uint or ulong
// P_XBLOCK, P_YBLOCK  channel blocks of the inputs and of y
// P_PARTS             1 to 8
#if !defined(P_TYPE) || !defined(P_XBLOCK) || !defined(P_YBLOCK) || !defined(P_PARTS)
#error "concat_channels needs P_TYPE, P_XBLOCK, P_YBLOCK and P_PARTS"
#endif
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define EACH_1(F) F(0)
#define EACH_2(F) EACH_1(F) F(1)
#define EACH_3(F) EACH_2(F) F(2)
#define EACH_4(F) EACH_3(F) F(3)
#define EACH_5(F) EACH_4(F) F(4)
#define EACH_6(F) EACH_5(F) F(5)
#define EACH_7(F) EACH_6(F) F(6)
#define EACH_8(F) EACH_7(F) F(7)
#define ARGUMENT(i) __global const P_TYPE *restrict x##i, int count##i, int xOffset##i, int xBatch##i,
#define COPY(i)                                                                \
  copyLanes(x##i + xOffset##i + n * xBatch##i, y, channel, count##i, plane, p); \
  channel -= count##i;

// The lanes of a block of y that are channels of x; the first lane would be channel `channel` of it.
static inline void copyLanes(__global const P_TYPE* x, __global P_TYPE* y, int channel, int count, int plane, int p) {
  for (int l = max(-channel, 0); l < P_YBLOCK && channel + l < count; ++l) {
    const int c = channel + l;
    y[l] = x[((c / P_XBLOCK) * plane + p) * P_XBLOCK + c % P_XBLOCK];
  }
}

__kernel void concat_channels(CAT(EACH_, P_PARTS)(ARGUMENT) __global P_TYPE* restrict y, int plane, int start, int end,
                              int last, int yOffset, int yBatch) {
  const int p = get_global_id(0), k = start / P_YBLOCK + get_global_id(1), n = get_global_id(2);
  if (p >= plane || k * P_YBLOCK >= end) return;
  y += yOffset + n * yBatch + (k * plane + p) * P_YBLOCK;
  int channel = k * P_YBLOCK - start;
  CAT(EACH_, P_PARTS)(COPY)
  if (last)
    for (int l = end - k * P_YBLOCK; l < P_YBLOCK; ++l) y[l] = 0;
}
