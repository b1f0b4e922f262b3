// pool_planar: maximum or mean under a sliding window over planar tensors, for CPUs. A work-item computes `rows` output
// rows of one plane, 16 neighbouring outputs at a time where all their columns lie inside the image, one by one elsewhere.
// Results equal those of pool.cl and q_average_pool.cl to the bit: the cells are taken in the same order.
//
// Layouts (elements): x  xOffset + n * xBatch + (c * inH + iy) * inW + ix, y likewise.
// P_KH, P_KW  taps; P_SX stride in x; P_DX dilation in x
// P_MODE      0 maximum, 1 mean, 2 mean of codes: float(sum of code - zero) * factors[cells], where factors[cells] is
//             float(double(scale) / cells)
// P_TYPE      type of x: float, half, or (mode 2) char; of y, too, except in mode 2
// P_CODED     mode 2: 1: y is codes, made with `rate`; 0: floats
// Vectors begin at outputs from .. to - 16 of a row: from there on, no tap's column is outside.
#pragma OPENCL FP_CONTRACT OFF
#if !defined(P_KH) || !defined(P_KW) || !defined(P_SX) || !defined(P_DX) || !defined(P_MODE) || !defined(P_TYPE) || \
    !defined(P_CODED)
#error "pool_planar needs P_KH, P_KW, P_SX, P_DX, P_MODE, P_TYPE and P_CODED"
#endif
#if P_MODE == 2
#define PW_WIDTH 16
#include "common/codes_alone.cl"
#define RESULT Q_RESULT
#define SUM int
#define CELLS char16
#define CELLS_AT(p, i) vload16(0, (p) + (i))
#define CELL_AT(p, i) ((p)[i])
#define TO_SUMS convert_int16
#else
#include "common/operand.cl"
#define VALUE float16
#include "common/exact_divide.cl"
#define RESULT P_TYPE
#define RATE float
#define WITH_ZERO(scale, zero) (scale)
#define SUM float
#define CELLS float16
#define CELLS_AT(p, i) LOAD(P_TYPE, 16, p, i)
#define CELL_AT(p, i) LOAD(P_TYPE, 1, p, i)
#define TO_SUMS
#endif
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define SUMS CAT(SUM, 16)

// 16 cells at distances of P_SX; nothing behind the last one is read.
static inline CELLS cells(__global const P_TYPE* row) {
#if P_SX == 1
  return CELLS_AT(row, 0);
#elif P_SX == 2
  return (CELLS)(CELLS_AT(row, 0).even, CELLS_AT(row, 15).odd);
#else
#define C(i) CELL_AT(row, (i) * P_SX)
  return (CELLS)(C(0), C(1), C(2), C(3), C(4), C(5), C(6), C(7), C(8), C(9), C(10), C(11), C(12), C(13), C(14), C(15));
#undef C
#endif
}

// What the windows of an output row share: tap rows [first, end) lie inside, `padded` inside image and pads.
typedef struct {
  int top, first, end, padded;
} Rows;

// Those of windows whose upper row is `top`; `endH` rows of pads lie below the image.
static inline Rows rowsOf(int top, int inH, int dilationH, int endH) {
  Rows r = {top, P_KH, 0, 0};
  for (int kh = P_KH - 1; kh >= 0; --kh) {
    const int iy = top + kh * dilationH;
    r.padded += iy < inH + endH;
    if (iy >= 0 && iy < inH) {
      r.first = kh;
      r.end = max(r.end, kh + 1);
    }
  }
  if (r.first > r.end) r.first = r.end;
  return r;
}

// What becomes of 16 sums (or maxima) of `inside` cells, `padded` with those of the pads.
static inline float16 meansOf(SUMS sums, int inside, int padded, int countPads, __global const float* factors,
                              int zero) {
  const int cells = countPads ? padded : inside;
#if P_MODE == 0
  return inside == 0 ? (float16)(-INFINITY) : sums;
#elif P_MODE == 1
  return inside == 0 ? (float16)(0.0f) : exactDivide(sums, (float)cells);
#else
  return convert_float16(sums - zero * inside) * factors[max(1, cells)];
#endif
}

// 16 outputs whose first has its window's left column at `left`.
static inline float16 poolVector(__global const P_TYPE* plane, const Rows r, int left, int inW, int dilationH, int countPads,
                                 __global const float* factors, int zero) {
  SUMS sums = 0;
#if P_MODE == 0
  if (r.first < r.end) sums = cells(plane + (r.top + r.first * dilationH) * inW + left);
#endif
  for (int kh = r.first; kh < r.end; ++kh) {
    __global const P_TYPE* row = plane + (r.top + kh * dilationH) * inW + left;
#pragma unroll
    for (int kw = 0; kw < P_KW; ++kw) {
      const CELLS v = cells(row + kw * P_DX);
#if P_MODE == 0
      sums = v > sums || v != v ? v : sums;  // NaN stays
#else
      sums += TO_SUMS(v);
#endif
    }
  }
  return meansOf(sums, (r.end - r.first) * P_KW, r.padded * P_KW, countPads, factors, zero);
}

static inline float poolOne(__global const P_TYPE* plane, const Rows r, int left, int inW, int endW, int dilationH,
                            int countPads, __global const float* factors, int zero) {
  SUM sum = 0;
  int inside = 0, padded = 0;
  for (int kw = 0; kw < P_KW; ++kw) padded += left + kw * P_DX < inW + endW;
  for (int kh = r.first; kh < r.end; ++kh) {
    __global const P_TYPE* row = plane + (r.top + kh * dilationH) * inW;
    for (int kw = 0; kw < P_KW; ++kw) {
      const int ix = left + kw * P_DX;
      if (ix < 0 || ix >= inW) continue;
      const SUM v = CELL_AT(row, ix);
#if P_MODE == 0
      sum = inside == 0 ? v : (v > sum || v != v ? v : sum);
#else
      sum += v;
#endif
      ++inside;
    }
  }
  return meansOf((SUMS)(sum), inside, r.padded * padded, countPads, factors, zero).s0;
}

static inline void storeVector(float16 v, __global RESULT* y, int i, RATE rate) {
#if P_MODE == 2
  storeResult(v, y, i, rate);
#else
  STORE(P_TYPE, 16, v, y, i);
#endif
}

static inline void storeOne(float v, __global RESULT* y, int i, RATE rate) {
#if P_MODE != 2
  STORE(P_TYPE, 1, v, y, i);
#elif P_CODED
  y[i] = encode((float16)(v), rate).s0;
#else
  y[i] = v;
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void pool_planar(
    __global const P_TYPE* restrict x, __global RESULT* restrict y, __global const float* restrict factors, float ofRate,
    float ofZero, int zero, int inH, int inW, int outH, int outW, int strideH, int dilationH, int padH, int padW, int endH, int endW,
    int countPads, int from, int to, int rows, int xOffset, int xBatch, int yOffset, int yBatch) {
  const int c = get_global_id(1), n = get_global_id(2), begin = get_global_id(0) * rows;
  const RATE rate = WITH_ZERO(ofRate, ofZero);
  __global const P_TYPE* plane = x + xOffset + n * xBatch + c * inH * inW;
  y += yOffset + n * yBatch + c * outH * outW;
  for (int oy = begin; oy < min(begin + rows, outH); ++oy) {
    const Rows r = rowsOf(oy * strideH - padH, inH, dilationH, endH);
    __global RESULT* out = y + oy * outW;
    for (int ox = 0; ox < from; ++ox)
      storeOne(poolOne(plane, r, ox * P_SX - padW, inW, endW, dilationH, countPads, factors, zero), out, ox, rate);
    // The last vector overlaps the one before it.
    for (int ox = from; ox < to; ox += 16) {
      const int at = min(ox, to - 16);
      storeVector(poolVector(plane, r, at * P_SX - padW, inW, dilationH, countPads, factors, zero), out, at, rate);
    }
    for (int ox = to; ox < outW; ++ox)
      storeOne(poolOne(plane, r, ox * P_SX - padW, inW, endW, dilationH, countPads, factors, zero), out, ox, rate);
  }
}
