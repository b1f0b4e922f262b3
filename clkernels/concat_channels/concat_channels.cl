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
// The lane `l` of the block, if it is a channel of x: what is left of `c` are channels from this input's first on.
#define PICK(i)                                                                                                        \
  if (c >= 0 && c < count##i)                                                                                            \
    from = x##i + xOffset##i + n * xBatch##i + ((c / P_XBLOCK) * plane + p) * P_XBLOCK + c % P_XBLOCK, present = 1;        \
  c -= count##i;

__kernel void concat_channels(CAT(EACH_, P_PARTS)(ARGUMENT) __global P_TYPE* restrict y, int plane, int start, int end,
                              int last, int yOffset, int yBatch) {
  const int p = get_global_id(0), k = start / P_YBLOCK + get_global_id(1), n = get_global_id(2);
  if (p >= plane || k * P_YBLOCK >= end) return;
  y += yOffset + n * yBatch + (k * plane + p) * P_YBLOCK;
  const int first = k * P_YBLOCK - start;  // of the inputs' channels, the block's first lane
  P_TYPE lanes[P_YBLOCK];
#pragma unroll
  for (int l = 0; l < P_YBLOCK; ++l) {
    int c = first + l, present = 0;
    __global const P_TYPE* from = x0;
    CAT(EACH_, P_PARTS)(PICK)
    lanes[l] = present ? *from : (P_TYPE)(0);
  }
  // Other calls write the rest of a block.
  const int begin = max(-first, 0), stop = last || first + P_YBLOCK <= end - start ? P_YBLOCK : end - start - first;
#if P_YBLOCK > 1 && P_YBLOCK <= 16
  if (begin == 0 && stop == P_YBLOCK) {
    *(__global CAT(P_TYPE, P_YBLOCK)*)y = CAT(vload, P_YBLOCK)(0, lanes);  // blocks lie at multiples of their size
    return;
  }
#endif
#pragma unroll
  for (int l = 0; l < P_YBLOCK; ++l)
    if (l >= begin && l < stop) y[l] = lanes[l];
}
