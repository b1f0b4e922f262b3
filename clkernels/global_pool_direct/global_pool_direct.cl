// global_pool_direct: the mean or maximum of each channel's plane, for CPUs: a work-item per channel, or per block of 16.
//
// Blocked: x[xOffset + n*xBatch + (b*plane + p)*16 + lane]; y[yOffset + n*yBatch + b*16 + lane]. Padding lanes hold zeros
// and give zeros. Planar: x[xOffset + n*xBatch + c*plane + p]; y[yOffset + n*yBatch + c].
// Sums are taken in runs of P_RUN vectors, then of the runs, so that rounding errors stay small.
// P_MODE     0 maximum, 1 mean
// P_BLOCKED  1: blocks of 16 channels, 0: planar
// P_TYPE     type of x and y: float or half
#if !defined(P_MODE) || !defined(P_RUN) || !defined(P_BLOCKED) || !defined(P_TYPE)
#error "global_pool_direct needs P_MODE, P_RUN, P_BLOCKED and P_TYPE"
#endif
#include "common/operand.cl"

#if P_MODE == 0
#define START ((float16)(-INFINITY))
#define JOIN(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))  // NaN if either is
#else
#define START ((float16)(0.0f))
#define JOIN(a, b) ((a) + (b))
#endif

static inline float joinOne(float all, float next) { return JOIN(all, next); }
static inline float16 joinNext(float16 all, float16 next) { return JOIN(all, next); }

// The vectors from[0..count) joined lane by lane.
static inline float16 joined(__global const P_TYPE* from, int count) {
  float16 all = START;
  for (int begin = 0; begin < count; begin += P_RUN) {
    const int end = min(begin + P_RUN, count), paired = begin + (end - begin) / 4 * 4;
    float16 s0 = START, s1 = s0, s2 = s0, s3 = s0;
    int p = begin;
    for (; p < paired; p += 4) {
      s0 = joinNext(s0, LOAD(P_TYPE, 16, from, p * 16));
      s1 = joinNext(s1, LOAD(P_TYPE, 16, from, (p + 1) * 16));
      s2 = joinNext(s2, LOAD(P_TYPE, 16, from, (p + 2) * 16));
      s3 = joinNext(s3, LOAD(P_TYPE, 16, from, (p + 3) * 16));
    }
    for (; p < end; ++p) s0 = joinNext(s0, LOAD(P_TYPE, 16, from, p * 16));
    s0 = JOIN(s0, s1);
    s2 = JOIN(s2, s3);
    s0 = JOIN(s0, s2);
    all = JOIN(all, s0);
  }
  return all;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void global_pool_direct(
    __global const P_TYPE* restrict x, __global P_TYPE* restrict y, int plane, int xOffset, int xBatch, int yOffset,
    int yBatch) {
  const int b = get_global_id(0), n = get_global_id(1);
#if P_BLOCKED
  const float16 result = joined(x + xOffset + n * xBatch + b * plane * 16, plane);
  STORE(P_TYPE, 16, P_MODE ? result / (float)plane : result, y, yOffset + n * yBatch + b * 16);
#else
  __global const P_TYPE* from = x + xOffset + n * xBatch + b * plane;
  const int count = plane / 16;
  float lanes[16];
  vstore16(joined(from, count), 0, lanes);
  for (int i = 0; i < plane - count * 16; ++i) lanes[i] = joinOne(lanes[i], LOAD(P_TYPE, 1, from, count * 16 + i));
  for (int step = 8; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) lanes[i] = JOIN(lanes[i], lanes[i + step]);
  STORE(P_TYPE, 1, P_MODE ? lanes[0] / (float)plane : lanes[0], y, yOffset + n * yBatch + b);
#endif
}
