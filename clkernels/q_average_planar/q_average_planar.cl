// q_average_planar: averages of planar codes for CPUs, the values of q_average_pool.cl. A work-item computes `rows` output
// rows of one plane, 16 neighbouring outputs at a time where all their columns lie inside the image, one by one elsewhere.
//
// Layouts (elements): x  xOffset + n * xBatch + (c * inH + iy) * inW + ix, y likewise.
// P_KH, P_KW  taps; P_SX stride in x; P_DX dilation in x
// P_CODED     1: y is codes, 0: floats
// Vectors begin at outputs from .. to - 16 of a row. factors[cells] is float(double(scale) / cells).
#if !defined(P_KH) || !defined(P_KW) || !defined(P_SX) || !defined(P_DX) || !defined(P_CODED)
#error "q_average_planar needs P_KH, P_KW, P_SX, P_DX and P_CODED"
#endif
#define CELL char
#define PW_WIDTH 16
#define P_ACT None
#define P_ALPHA 0.0f
#define P_BETA 0.0f
#define P_HAS_BIAS 0
#define P_HAS_RESIDUAL 0
#define P_SLOPE 0
#define P_RESIDUAL_CODED 0
#include "common/activation.cl"
#include "common/quant.cl"
#include "pool_planar/window_rows.cl"

// 16 outputs whose first has its window's left column at `left`.
static inline void poolVector(__global const char* plane, const Rows r, int left, int inW, int dilationH, int countPads,
                              __global const float* factors, float rate, __global Q_RESULT* y) {
  int16 sum = 0;
  for (int kh = r.first; kh < r.end; ++kh) {
    __global const char* row = plane + (r.top + kh * dilationH) * inW + left;
#pragma unroll
    for (int kw = 0; kw < P_KW; ++kw) sum += convert_int16(cells(row + kw * P_DX));
  }
  storeResult(convert_float16(sum) * factors[max(1, (countPads ? r.padded : r.end - r.first) * P_KW)], y, 0, rate);
}

static inline void poolOne(__global const char* plane, const Rows r, int left, int inW, int endW, int dilationH,
                           int countPads, __global const float* factors, float rate, __global Q_RESULT* y) {
  int sum = 0, inside = 0, padded = 0;
  for (int kw = 0; kw < P_KW; ++kw) {
    const int ix = left + kw * P_DX;
    padded += ix < inW + endW;
    if (ix < 0 || ix >= inW) continue;
    for (int kh = r.first; kh < r.end; ++kh) sum += plane[(r.top + kh * dilationH) * inW + ix];
    ++inside;
  }
  const float value = (float)sum * factors[max(1, countPads ? r.padded * padded : (r.end - r.first) * inside)];
#if P_CODED
  *y = encode((float16)(value), rate).s0;
#else
  *y = value;
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void q_average_planar(
    __global const char* restrict x, __global const float* restrict factors, __global Q_RESULT* restrict y, float rate,
    int inH, int inW, int outH, int outW, int strideH, int dilationH, int padH, int padW, int endH, int endW,
    int countPads, int from, int to, int rows, int xOffset, int xBatch, int yOffset, int yBatch) {
  const int c = get_global_id(1), n = get_global_id(2), begin = get_global_id(0) * rows;
  __global const char* plane = x + xOffset + n * xBatch + c * inH * inW;
  y += yOffset + n * yBatch + c * outH * outW;
  for (int oy = begin; oy < min(begin + rows, outH); ++oy) {
    const Rows r = rowsOf(oy * strideH - padH, inH, dilationH, endH);
    __global Q_RESULT* out = y + oy * outW;
    for (int ox = 0; ox < from; ++ox)
      poolOne(plane, r, ox * P_SX - padW, inW, endW, dilationH, countPads, factors, rate, out + ox);
    // The last vector overlaps the one before it.
    for (int ox = from; ox < to; ox += 16) {
      const int at = min(ox, to - 16);
      poolVector(plane, r, at * P_SX - padW, inW, dilationH, countPads, factors, rate, out + at);
    }
    for (int ox = to; ox < outW; ++ox)
      poolOne(plane, r, ox * P_SX - padW, inW, endW, dilationH, countPads, factors, rate, out + ox);
  }
}
