// channel_extremes: the largest and the least value of each channel's plane; the largest is NaN where there is any.
//
// x by common/index.cl (any block; padding lanes are left out); high[n*channels + c], low alike.
// P_GROUP  work-items of a group, a power of two
// P_LANES  channels of a work-item that is a group of its own
#include "common/index.cl"

#if !defined(P_GROUP) || !defined(P_LANES)
#error "channel_extremes needs all of its P_ defines"
#endif

// NaN if either is.
#define HIGHER(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))

// A group per item and channel.
__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void channel_extremes(
    __global const float* restrict x, __global float* restrict high, __global float* restrict low, int channels,
    int plane, int block, int base, int batch) {
  __local float highs[P_GROUP], lows[P_GROUP];
  const int row = get_group_id(0), l = get_local_id(0);
  float top = -INFINITY, least = INFINITY;
  for (int p = l; p < plane; p += P_GROUP) {
    const float v = x[imageOffset(row / channels, row % channels, p, plane, block, base, batch)];
    top = HIGHER(top, v);
    least = fmin(least, v);
  }
  highs[l] = top, lows[l] = least;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = P_GROUP / 2; step > 0; step /= 2) {
    if (l < step) {
      highs[l] = HIGHER(highs[l], highs[l + step]);
      lows[l] = fmin(lows[l], lows[l + step]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (l == 0) high[row] = highs[0], low[row] = lows[0];
}

// CPUs: a work-item per item and P_LANES channels, 16 of a block or a planar one, whose values are read 16 at a time.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void channel_extremes_alone(
    __global const float* restrict x, __global float* restrict high, __global float* restrict low, int channels,
    int plane, int block, int base, int batch) {
  const int first = get_global_id(0) * P_LANES, n = get_global_id(1);
  __global const float* from = x + base + n * batch + first * plane;
  const int count = plane * P_LANES / 16;
  float16 top = (float16)(-INFINITY), least = (float16)(INFINITY), top1 = top, least1 = least;
  int i = 0;
  for (; i + 2 <= count; i += 2) {
    const float16 a = vload16(i, from), b = vload16(i + 1, from);
    top = HIGHER(top, a), least = fmin(least, a);
    top1 = HIGHER(top1, b), least1 = fmin(least1, b);
  }
  if (i < count) {
    const float16 a = vload16(i, from);
    top = HIGHER(top, a), least = fmin(least, a);
  }
  float highs[16], lows[16];
  vstore16(HIGHER(top, top1), 0, highs);
  vstore16(fmin(least, least1), 0, lows);
#if P_LANES == 1
  for (int p = count * 16; p < plane; ++p) {
    highs[0] = HIGHER(highs[0], from[p]);
    lows[0] = fmin(lows[0], from[p]);
  }
  for (int k = 1; k < 16; ++k) {
    highs[0] = HIGHER(highs[0], highs[k]);
    lows[0] = fmin(lows[0], lows[k]);
  }
#endif
  for (int k = 0; k < min(P_LANES, channels - first); ++k) {
    high[n * channels + first + k] = highs[k];
    low[n * channels + first + k] = lows[k];
  }
}
