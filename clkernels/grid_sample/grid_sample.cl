// grid_sample: values of an image at the places that a grid says (runtime/ops/grid_sample.cpp).
//
// A work-item computes P_CHUNK values of P_WIDTH neighbouring channels at one output position, so that coordinates and
// weights are computed once for all of them. Layouts of x and y: see common/index.cl; grid is planar:
//   grid[gBase + n * gBatch + position * P_RANK + axis], axis 0 innermost.
// P_RANK     spatial extents: 1 to 3
// P_TAPS     per axis: 1 nearest, 2 linear, 4 cubic
// Arguments: padding 0 zeros, 1 border, 2 reflection; corners 1: -1 and 1 are the centres of the outer cells.
// P_CHUNK    groups of channels that a work-item computes
// P_WIDTH    channels of a value
// P_TYPE     type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"
#include "common/index.cl"
#define MATH_WIDTH 1
#include "common/defined_math.cl"

#if !defined(P_RANK) || !defined(P_TAPS) || !defined(P_CHUNK)
#error "grid_sample needs P_RANK, P_TAPS and P_CHUNK"
#endif

#define FAR 16777216.0f

static inline float reflectAt(float at, float low, float high) {
  const float range = high - low;
  if (!(range > 0.0f)) return low;
  if (at >= low && at <= high) return at;
  const float beyond = at < low ? low - at : at - high;
  const float turns = floor(definedDivide_1(beyond, range)), rest = beyond - turns * range;
  const int fromLow = (at < low) == (turns == 2.0f * floor(turns * 0.5f));
  return fromLow ? low + rest : high - rest;
}

// Cells (-1: outside, counts as zero) and weights of one axis.
static inline void tapsAt(float coordinate, float extent, int padding, int corners, int* cells, float* weights) {
  const float low = corners ? 0.0f : -0.5f, high = extent - (corners ? 1.0f : 0.5f);
  float at = corners ? (coordinate + 1.0f) / 2.0f * (extent - 1.0f) : ((coordinate + 1.0f) * extent - 1.0f) / 2.0f;
  at = at != at ? -10.0f : clamp(at, -FAR, FAR);
#if P_TAPS == 1
  at = rint(at);
#endif
#if P_TAPS < 4  // cubic curves go on beyond the border, from cells that are repeated there
  if (padding == 1) at = clamp(at, 0.0f, extent - 1.0f);
#endif
  if (padding == 2) at = reflectAt(at, low, high);
  const float first = floor(at), r = at - first;
#if P_TAPS == 1
  weights[0] = 1.0f;
#elif P_TAPS == 2
  weights[0] = 1.0f - r;
  weights[1] = r;
#else
  const float a = -0.75f, s = 1.0f - r, before = r + 1.0f, after = 2.0f - r;
  weights[0] = ((a * before - 5.0f * a) * before + 8.0f * a) * before - 4.0f * a;
  weights[1] = ((a + 2.0f) * r - (a + 3.0f)) * r * r + 1.0f;
  weights[2] = ((a + 2.0f) * s - (a + 3.0f)) * s * s + 1.0f;
  weights[3] = ((a * after - 5.0f * a) * after + 8.0f * a) * after - 4.0f * a;
#endif
  for (int t = 0; t < P_TAPS; ++t) {
    float cell = first + (float)(P_TAPS == 4 ? t - 1 : t);
    const int inside = cell >= 0.0f && cell < extent;
    if (padding == 2) cell = trunc(reflectAt(cell, low, high));
    cells[t] = padding == 0 && !inside ? -1 : (int)clamp(cell, 0.0f, extent - 1.0f);
  }
}

__kernel void grid_sample(__global const P_TYPE* restrict x, __global const float* restrict grid,
                          __global P_TYPE* restrict y, int count, int groups, int depth, int height, int width,
                          int positions, int padding, int corners, int block, int xBase, int xBatch, int gBase, int gBatch, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int chunks = (groups + P_CHUNK - 1) / P_CHUNK;
  const int p = i % positions, chunk = i / positions % chunks, n = i / (positions * chunks);
  const int plane = depth * height * width;
  __global const float* at = grid + gBase + n * gBatch + p * P_RANK;
  int xs[P_TAPS], ys[P_TAPS], zs[P_TAPS];
  float wx[P_TAPS], wy[P_TAPS], wz[P_TAPS];
  tapsAt(at[0], (float)width, padding, corners, xs, wx);
#if P_RANK > 2
#define TAPS_Z P_TAPS
  tapsAt(at[2], (float)depth, padding, corners, zs, wz);
#else
#define TAPS_Z 1
  zs[0] = 0;
  wz[0] = 1.0f;
#endif
#if P_RANK > 1
#define TAPS_Y P_TAPS
  tapsAt(at[1], (float)height, padding, corners, ys, wy);
#else
#define TAPS_Y 1
  ys[0] = 0;
  wy[0] = 1.0f;
#endif
  for (int g = chunk * P_CHUNK; g < min(groups, chunk * P_CHUNK + P_CHUNK); ++g) {
    const int from = imageOffset(n, g * P_WIDTH, 0, plane, block, xBase, xBatch);
    FLOATS(P_WIDTH) sum = (FLOATS(P_WIDTH))(0.0f);
    for (int tz = 0; tz < TAPS_Z; ++tz)
      for (int ty = 0; ty < TAPS_Y; ++ty)
        for (int tx = 0; tx < P_TAPS; ++tx)
          if (zs[tz] >= 0 && ys[ty] >= 0 && xs[tx] >= 0) {
            const int cell = (zs[tz] * height + ys[ty]) * width + xs[tx];
            sum += wz[tz] * wy[ty] * wx[tx] * LOAD(P_TYPE, P_WIDTH, x, from + cell * block);
          }
    STORE(P_TYPE, P_WIDTH, sum, y, imageOffset(n, g * P_WIDTH, p, positions, block, yBase, yBatch));
  }
}
