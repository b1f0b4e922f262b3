// pool_planar: maximum or mean under a sliding window over planar f32, for CPUs. A work-item computes `rows` output rows
// of one plane, 16 neighbouring outputs at a time where all their columns lie inside the image, one by one elsewhere.
// Results equal those of pool.cl to the bit: the cells are taken in the same order.
//
// Layouts (elements): x  xOffset + n * xBatch + (c * inH + iy) * inW + ix, y likewise.
// P_KH, P_KW  taps; P_SX stride in x; P_DX dilation in x
// P_MODE      0 maximum, 1 mean
// Vectors begin at outputs from .. to - 16 of a row: from there on, no tap's column is outside.
#pragma OPENCL FP_CONTRACT OFF
#if !defined(P_KH) || !defined(P_KW) || !defined(P_SX) || !defined(P_DX) || !defined(P_MODE)
#error "pool_planar needs P_KH, P_KW, P_SX, P_DX and P_MODE"
#endif
#define VALUE float16
#define CELL float
#include "common/exact_divide.cl"
#include "pool_planar/window_rows.cl"

// 16 outputs whose first has its window's left column at `left`.
static inline float16 poolVector(__global const float* plane, const Rows r, int left, int inW, int dilationH, int countPads) {
  float16 result = 0.0f;
#if P_MODE == 0
  if (r.first < r.end) result = cells(plane + (r.top + r.first * dilationH) * inW + left);
#endif
  for (int kh = r.first; kh < r.end; ++kh) {
    __global const float* row = plane + (r.top + kh * dilationH) * inW + left;
#pragma unroll
    for (int kw = 0; kw < P_KW; ++kw) {
      const float16 v = cells(row + kw * P_DX);
#if P_MODE == 0
      result = v > result || v != v ? v : result;  // NaN stays
#else
      result += v;
#endif
    }
  }
#if P_MODE == 0
  return r.first < r.end ? result : (float16)(-INFINITY);
#else
  const int inside = (r.end - r.first) * P_KW;
  return inside == 0 ? (float16)(0.0f) : exactDivide(result, (float)(countPads ? r.padded * P_KW : inside));
#endif
}

static inline float poolOne(__global const float* plane, const Rows r, int left, int inW, int endW, int dilationH,
                            int countPads) {
  float result = 0.0f;
  int inside = 0, padded = 0;
  for (int kw = 0; kw < P_KW; ++kw) padded += left + kw * P_DX < inW + endW;
  for (int kh = r.first; kh < r.end; ++kh) {
    __global const float* row = plane + (r.top + kh * dilationH) * inW;
    for (int kw = 0; kw < P_KW; ++kw) {
      const int ix = left + kw * P_DX;
      if (ix < 0 || ix >= inW) continue;
#if P_MODE == 0
      result = inside == 0 ? row[ix] : (row[ix] > result || row[ix] != row[ix] ? row[ix] : result);
#else
      result += row[ix];
#endif
      ++inside;
    }
  }
#if P_MODE == 0
  return inside == 0 ? -INFINITY : result;
#else
  return inside == 0 ? 0.0f : exactDivide((float16)(result), (float)(countPads ? r.padded * padded : inside)).s0;
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void pool_planar(
    __global const float* restrict x, __global float* restrict y, int inH, int inW, int outH, int outW, int strideH,
    int dilationH, int padH, int padW, int endH, int endW, int countPads, int from, int to, int rows, int xOffset,
    int xBatch, int yOffset, int yBatch) {
  const int c = get_global_id(1), n = get_global_id(2), begin = get_global_id(0) * rows;
  __global const float* plane = x + xOffset + n * xBatch + c * inH * inW;
  y += yOffset + n * yBatch + c * outH * outW;
  for (int oy = begin; oy < min(begin + rows, outH); ++oy) {
    const Rows r = rowsOf(oy * strideH - padH, inH, dilationH, endH);
    __global float* out = y + oy * outW;
    for (int ox = 0; ox < from; ++ox)
      out[ox] = poolOne(plane, r, ox * P_SX - padW, inW, endW, dilationH, countPads);
    // The last vector overlaps the one before it.
    for (int ox = from; ox < to; ox += 16) {
      const int at = min(ox, to - 16);
      vstore16(poolVector(plane, r, at * P_SX - padW, inW, dilationH, countPads), 0, out + at);
    }
    for (int ox = to; ox < outW; ++ox)
      out[ox] = poolOne(plane, r, ox * P_SX - padW, inW, endW, dilationH, countPads);
  }
}
