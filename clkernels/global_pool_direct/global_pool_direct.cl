// global_pool_direct: the mean or maximum of each channel's plane, for CPUs: a work-item per channel, or per block of 16.
//
// Blocked: x[xOffset + n*xBatch + (b*plane + p)*16 + lane]; y[yOffset + n*yBatch + b*16 + lane]. Padding lanes hold zeros
// and give zeros. Planar: x[xOffset + n*xBatch + c*plane + p]; y[yOffset + n*yBatch + c].
// Sums are taken in runs of P_RUN vectors, then of the runs, so that rounding errors stay small.
// P_MODE     0 maximum, 1 mean
// P_BLOCKED  1: blocks of 16 channels, 0: planar
#if !defined(P_MODE) || !defined(P_RUN) || !defined(P_BLOCKED)
#error "global_pool_direct needs P_MODE, P_RUN and P_BLOCKED"
#endif

#if P_MODE == 0
#define START ((float16)(-INFINITY))
#define JOIN(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))  // NaN if either is
#else
#define START ((float16)(0.0f))
#define JOIN(a, b) ((a) + (b))
#endif

static inline float16 joinNext(float16 all, float16 next) { return JOIN(all, next); }

// The vectors from[0..count) joined lane by lane.
static inline float16 joined(__global const float* from, int count) {
  float16 all = START;
  for (int begin = 0; begin < count; begin += P_RUN) {
    const int end = min(begin + P_RUN, count), paired = begin + (end - begin) / 4 * 4;
    float16 s0 = START, s1 = s0, s2 = s0, s3 = s0;
    int p = begin;
    for (; p < paired; p += 4) {
      s0 = joinNext(s0, vload16(p, from));
      s1 = joinNext(s1, vload16(p + 1, from));
      s2 = joinNext(s2, vload16(p + 2, from));
      s3 = joinNext(s3, vload16(p + 3, from));
    }
    for (; p < end; ++p) s0 = joinNext(s0, vload16(p, from));
    s0 = JOIN(s0, s1);
    s2 = JOIN(s2, s3);
    s0 = JOIN(s0, s2);
    all = JOIN(all, s0);
  }
  return all;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void global_pool_direct(
    __global const float* restrict x, __global float* restrict y, int plane, int xOffset, int xBatch, int yOffset,
    int yBatch) {
  const int b = get_global_id(0), n = get_global_id(1);
#if P_BLOCKED
  const float16 result = joined(x + xOffset + n * xBatch + b * plane * 16, plane);
  vstore16(P_MODE ? result / (float)plane : result, 0, y + yOffset + n * yBatch + b * 16);
#else
  __global const float* from = x + xOffset + n * xBatch + b * plane;
  const int count = plane / 16;
  float lanes[16];
  vstore16(joined(from, count), 0, lanes);
  for (int i = 0; i < plane - count * 16; ++i) lanes[i] = JOIN(lanes[i], from[count * 16 + i]);
  for (int step = 8; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) lanes[i] = JOIN(lanes[i], lanes[i + step]);
  y[yOffset + n * yBatch + b] = P_MODE ? lanes[0] / (float)plane : lanes[0];
#endif
}
