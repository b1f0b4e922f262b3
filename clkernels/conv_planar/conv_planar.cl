// conv_planar: convolution of planar f32 or half for CPUs. Vectors run along the pixels of an output row, so that no lane is lost
// where channels are not whole blocks of 16: a tile is T_K output channels x T_V vectors of 16 pixels in registers; each
// step loads T_V vectors of input and broadcasts T_K weights. A work-item computes a region of `rows` x `columns` output
// pixels for one tile of channels.
//
// Layouts (elements):
//   x  xOffset + n * xBatch + (c * H + iy) * W + ix
//   w  [ceil(K / T_K)][KH][C][P_KW][T_K], zero-padded
//   y  yOffset + n * yBatch + (k * OH + oy) * OW + ox; the residual likewise
// T_K, T_V    the tile
// P_KW, P_SX  taps of a row (unrolled), stride in x
// P_COPY      1: rows of the image are copied into `patch` [KH][C][span], with zeros where they leave it, and serve all
//             output rows that read them; 0: no column ever leaves the image, rows are read where they are. Rows that are
//             outside are left out. Output rows come in the order of rowAt(), in which each shares most rows with the last.
// P_X, P_WEIGHTS, P_R, P_Y  float or half: x, weights, residual and y in memory; sums, `patch` and `widened` are float.
//             Weights in half are widened once by each work-item, since a step broadcasts them one by one.
// D_PREFETCH  1: the compiler has __builtin_prefetch and one flat address space
// With P_COPY 0 a row has at least one tile of pixels: the last tile is moved to the left, to end with the row.
#if !defined(T_K) || !defined(T_V) || !defined(P_KW) || !defined(P_SX) || !defined(P_COPY) || !defined(P_X) || \
    !defined(P_WEIGHTS) || !defined(P_R) || !defined(P_Y) || !defined(D_PREFETCH)
#error "conv_planar needs T_K, T_V, P_KW, P_SX, P_COPY, P_X, P_WEIGHTS, P_R, P_Y and D_PREFETCH"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"
#include "common/operand.cl"

#define TILE_PIXELS (16 * T_V)
#if P_COPY
#define SOURCE __local const float*
#define PIXELS(row, i) vload16(0, (row) + (i))
#else
#define SOURCE __global const P_X*
#define PIXELS(row, i) LOAD(P_X, 16, row, i)
#endif
#define WIDENED PW_CAT(WIDENED_, P_WEIGHTS)
#define WIDENED_float 0
#define WIDENED_half 1
#if WIDENED
#define WEIGHTS __local const float*
#else
#define WEIGHTS __global const float*
#endif

// 16 pixels at distances of P_SX; nothing behind the last one is read.
static inline float16 pixels(SOURCE row) {
#if P_SX == 1
  return PIXELS(row, 0);
#else
  return (float16)(PIXELS(row, 0).even, PIXELS(row, 15).odd);
#endif
}

#if P_COPY
// Columns [lo, hi) of the patch lie inside the image; the others are zero once and for all.
static inline void copyRow(__global const P_X* from, __local float* to, int lo, int hi) {
  if (hi - lo >= 16) {
    for (int i = lo; i < hi; i += 16) {
      const int at = min(i, hi - 16);
      vstore16(LOAD(P_X, 16, from, at), 0, to + at);
    }
  } else {
    for (int i = lo; i < hi; ++i) to[i] = LOAD(P_X, 1, from, i);
  }
}
static inline void clearRow(__local float* to, int lo, int hi, int span) {
  for (int i = 0; i < min(lo, span); ++i) to[i] = 0.0f;
  for (int i = max(hi, 0); i < span; ++i) to[i] = 0.0f;
}
#endif

// tile[k * T_V + j] = the sums of tap rows [ky0, ky1). Tap row ky lies at x + rowStep * ((firstSlot + ky) % KH).
static inline void accumulate(SOURCE x, WEIGHTS w, int C, int KH, int DX, int ky0, int ky1, int firstSlot,
                              int channelStep, int rowStep, float16* tile) {
  float16 acc[T_K][T_V];
#pragma unroll
  for (int k = 0; k < T_K; ++k)
#pragma unroll
    for (int j = 0; j < T_V; ++j) acc[k][j] = 0.0f;
  for (int ky = ky0; ky < ky1; ++ky) {
    const int slot = firstSlot + ky < KH ? firstSlot + ky : firstSlot + ky - KH;
    SOURCE row = x + slot * rowStep;
    WEIGHTS taps = w + ky * C * (P_KW * T_K);
    for (int c = 0; c < C; ++c, row += channelStep, taps += P_KW * T_K) {
#if D_PREFETCH && !P_COPY
      __builtin_prefetch((const void*)(size_t)(row + TILE_PIXELS * P_SX));
#endif
#pragma unroll
      for (int kx = 0; kx < P_KW; ++kx) {
        float16 value[T_V];
#pragma unroll
        for (int j = 0; j < T_V; ++j) value[j] = pixels(row + kx * DX + j * 16 * P_SX);
#pragma unroll
        for (int k = 0; k < T_K; ++k) {
          const float16 weight = (float16)(taps[kx * T_K + k]);
#pragma unroll
          for (int j = 0; j < T_V; ++j) acc[k][j] = fma(weight, value[j], acc[k][j]);
        }
      }
    }
  }
#pragma unroll
  for (int k = 0; k < T_K; ++k)
#pragma unroll
    for (int j = 0; j < T_V; ++j) tile[k * T_V + j] = acc[k][j];
}

// One channel of 16 pixels, of which lanes [lo, hi) are stored.
static inline void storeChannel(float16 value, int lo, int hi, int k, int at, __global const float* bias,
                                __global const P_R* residual, __global const float* slope, __global P_Y* y) {
  const float16 b = P_HAS_BIAS ? (float16)(bias[k]) : (float16)(0.0f);
  const float16 s = P_SLOPE ? (float16)(slope[P_SLOPE == 2 ? k : 0]) : (float16)(0.0f);
  if (lo == 0 && hi == 16) {
    const float16 added = P_HAS_RESIDUAL ? LOAD(P_R, 16, residual, at) : (float16)(0.0f);
    STORE(P_Y, 16, epilogue(value, b, added, s), y, at);
    return;
  }
  float lanes[16], added[16];
  for (int i = 0; i < 16; ++i) added[i] = P_HAS_RESIDUAL && i >= lo && i < hi ? LOAD(P_R, 1, residual, at + i) : 0.0f;
  vstore16(epilogue(value, b, vload16(0, added), s), 0, lanes);
  for (int i = lo; i < hi; ++i) STORE(P_Y, 1, lanes[i], y, at + i);
}

// Lanes [lo, hi) of a tile whose first pixel is `at`.
static inline void storeTile(const float16* tile, int lo, int hi, int k0, int K, int plane, int at,
                             __global const float* bias, __global const P_R* residual, __global const float* slope,
                             __global P_Y* y) {
  for (int j = 0; j < T_V; ++j) {
    const int from = clamp(lo - j * 16, 0, 16), to = clamp(hi - j * 16, 0, 16);
    for (int k = 0; k < min(T_K, K - k0); ++k)
      storeChannel(tile[k * T_V + j], from, to, k0 + k, (k0 + k) * plane + at + j * 16, bias, residual, slope, y);
  }
}

// Output row q in the order of row modulo `step`: rows at that distance follow each other.
static inline int rowAt(int q, int OH, int step) {
  const int shorter = OH / step, longer = OH % step;  // rows of a class; the first `longer` classes have one more
  if (q < longer * (shorter + 1)) return q / (shorter + 1) + q % (shorter + 1) * step;
  q -= longer * (shorter + 1);
  return longer + q / shorter + q % shorter * step;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_planar(
    __global const P_X* x, __global const P_WEIGHTS* w, __global const float* bias, __global const P_R* residual,
    __global const float* slope, __global P_Y* y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
    int rBatch, int C, int H, int W, int K, int OH, int OW, int KH, int strideY, int DY, int DX, int padY, int padX,
    int shift, int rows, int columns
#if P_COPY
    , int span, __local float* patch
#endif
#if WIDENED
    , __local float* widened
#endif
) {
  const int region = get_global_id(0), kTile = get_global_id(1), item = get_global_id(2);
  const int regionsX = (OW + columns - 1) / columns;
  const int xBegin = region % regionsX * columns, xEnd = min(OW, xBegin + columns);
  const int begin = region / regionsX * rows, end = min(OH, begin + rows);
  x += xOffset + (long)item * xBatch;
  w += (long)kTile * C * KH * (P_KW * T_K);
  y += yOffset + (long)item * yBatch;
  residual += rOffset + (long)item * rBatch;
#if WIDENED
  const int weights = C * KH * (P_KW * T_K);
  for (int i = 0; i + 16 <= weights; i += 16) vstore16(LOAD(P_WEIGHTS, 16, w, i), 0, widened + i);
  for (int i = weights & ~15; i < weights; ++i) widened[i] = LOAD(P_WEIGHTS, 1, w, i);
#else
  __global const float* widened = w;
#endif
#if P_COPY
  const int left = xBegin * P_SX - padX, lo = clamp(-left, 0, span), hi = clamp(W - left, 0, span);
  for (int i = 0; i < C * KH; ++i) clearRow(patch + i * span, lo, hi, span);
#endif
  int slot = 0;  // of tap row 0
  const int step = strideY == 1 ? DY : 1;
  for (int q = begin, last = OH; q < end; ++q) {
    const int oy = rowAt(q, OH, step);
    const int top = oy * strideY - padY;
    const int ky0 = top < 0 ? min(KH, (DY - 1 - top) / DY) : 0;
    const int ky1 = top >= H ? 0 : min(KH, (H - 1 - top) / DY + 1);
#if P_COPY
    // Where this row follows the last one, its first KH - shift rows are there.
    const bool follows = oy == last + step;
    slot = follows ? (slot + shift) % KH : 0;
    for (int ky = follows ? max(ky0, KH - shift) : ky0; ky < ky1; ++ky) {
      __local float* to = patch + (slot + ky) % KH * C * span;
      for (int c = 0; c < C; ++c) copyRow(x + ((long)c * H + top + ky * DY) * W + left, to + c * span, lo, hi);
    }
    last = oy;
#endif
    for (int ox = xBegin; ox < xEnd; ox += TILE_PIXELS) {
      float16 tile[T_K * T_V];
#if P_COPY
      const int at = ox;
      accumulate(patch + (ox - xBegin) * P_SX, widened, C, KH, DX, ky0, ky1, slot, span, C * span, tile);
#else
      const int at = min(ox, OW - TILE_PIXELS);
      accumulate(x + top * W + at * P_SX - padX, widened, C, KH, DX, ky0, ky1, 0, H * W, DY * W, tile);
#endif
      storeTile(tile, ox - at, min(TILE_PIXELS, xEnd - at), kTile * T_K, K, OH * OW, oy * OW + at, bias, residual, slope,
                y);
    }
  }
}
