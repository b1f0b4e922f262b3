// conv_planar: convolution of planar f32, half or codes for CPUs. Vectors run along the pixels of an output row, so that no lane is
// lost where channels are not whole blocks of 16: a tile is T_K output channels x T_V vectors of 16 pixels in registers; each
// step loads T_V vectors of input and broadcasts T_K weights. A work-item computes a region of `rows` x `columns` output
// pixels for one tile of channels. A step takes DEPTH input channels: one of floats, four of codes.
//
// Layouts (elements):
//   x  xOffset + n * xBatch + (c * H + iy) * W + ix
//   w  [ceil(K / T_K)][KH][ceil(C / DEPTH)][P_KW][T_K][DEPTH], zero-padded
//   y  yOffset + n * yBatch + (k * OH + oy) * OW + ox; the residual likewise
// T_K, T_V    the tile
// P_KW, P_SX  taps of a row (unrolled), stride in x
// P_COPY      1: rows of the image are copied into `patch` [KH][ceil(C / DEPTH)][span], with OUTSIDE where they leave it, and serve
//             all output rows that read them; 0 (floats): no column ever leaves the image, rows are read where they are. Rows that
//             are outside are left out. Output rows come in the order of rowAt(), in which each shares most rows with the last.
// P_X, P_WEIGHTS, P_R, P_Y, P_CODES  see common/finish.cl. Of floats and halves sums, `patch` and `widened` are float; weights in
//             half are widened once by each work-item, since a step broadcasts them one by one. Codes: planar_codes.cl.
// D_PREFETCH  1: the compiler has __builtin_prefetch and one flat address space
// With P_COPY 0 a row has at least one tile of pixels: the last tile is moved to the left, to end with the row.
#if !defined(T_K)
#error "conv_planar needs T_K"
#endif
#define TILE_K T_K
#include "conv_planar/planar_tile.cl"

// One channel of 16 pixels, of which lanes [lo, hi) are stored.
static inline void storeChannel(SUMS sums, int lo, int hi, int k, int at, const Finish f, __global P_Y* y) {
  const float16 b = P_HAS_BIAS ? (float16)(f.bias[k]) : (float16)(0.0f);
  const float16 s = P_SLOPE ? (float16)(f.slope[P_SLOPE == 2 ? k : 0]) : (float16)(0.0f);
  if (lo == 0 && hi == 16) {
    const float16 added = P_HAS_RESIDUAL ? residuals(f, at) : (float16)(0.0f);
    storeFinished(valuesOf(sums, f, k, b, added, s), f, y, at);
    return;
  }
  float lanes[16], added[16];
  for (int i = 0; i < 16; ++i) added[i] = P_HAS_RESIDUAL && i >= lo && i < hi ? residualAt(f, at + i) : 0.0f;
  vstore16(stored(valuesOf(sums, f, k, b, vload16(0, added), s), f), 0, lanes);
  for (int i = lo; i < hi; ++i) STORE(P_Y, 1, lanes[i], y, at + i);
}

// Lanes [lo, hi) of a tile whose first pixel is `at`.
static inline void storeTile(const SUMS* tile, int lo, int hi, int k0, int K, int plane, int at, const Finish f, __global P_Y* y) {
  for (int j = 0; j < T_V; ++j) {
    const int from = clamp(lo - j * 16, 0, 16), to = clamp(hi - j * 16, 0, 16);
    for (int k = 0; k < min(T_K, K - k0); ++k)
      storeChannel(tile[k * T_V + j], from, to, k0 + k, (k0 + k) * plane + at + j * 16, f, y);
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
    __global const P_X* x, __global const P_WEIGHTS* w,
#if P_CODES
    __global const int* corrections,
#endif
    FINISH_OPERANDS, __global P_Y* y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
    int rBatch, int C, int H, int W, int K, int OH, int OW, int KH, int strideY, int DY, int DX, int padY, int padX,
    int shift, int rows, int columns
#if P_CODES
    , int xZero
#endif
#if P_COPY
    , int span, __local ELEMENT* patch
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
  const int steps = (C + DEPTH - 1) / DEPTH;
  w += (long)kTile * steps * KH * (P_KW * T_K * DEPTH);
  y += yOffset + (long)item * yBatch;
  residual += rOffset + (long)item * rBatch;
  const Finish f = FINISH;
#if WIDENED
  widen(w, C * KH * (P_KW * T_K), widened);
#else
  WEIGHTS widened = (WEIGHTS)w;
#endif
#if P_COPY
  const int left = xBegin * P_SX - padX, lo = clamp(-left, 0, span), hi = clamp(W - left, 0, span);
  for (int i = 0; i < steps * KH; ++i) clearRow(patch + i * span, lo, hi, span, OUTSIDE);
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
      __local ELEMENT* to = patch + (slot + ky) % KH * steps * span;
      for (int c = 0; c < steps; ++c)
        copyRow(x + ((long)c * DEPTH * H + top + ky * DY) * W + left, H * W, C - c * DEPTH, to + c * span, lo, hi);
    }
    last = oy;
#endif
#if P_CODES
    int first[T_K];
    firstSums(corrections + kTile * KH * T_K, ky0, ky1, first);
#else
    const int* first = 0;
#endif
    for (int ox = xBegin; ox < xEnd; ox += TILE_PIXELS) {
      SUMS tile[T_K * T_V];
#if P_COPY
      const int at = ox;
      accumulate(patch + (ox - xBegin) * P_SX, widened, first, steps, KH, DX, ky0, ky1, slot, span, steps * span, tile);
#else
      const int at = min(ox, OW - TILE_PIXELS);
      accumulate(x + top * W + at * P_SX - padX, widened, first, steps, KH, DX, ky0, ky1, 0, H * W, DY * W, tile);
#endif
      storeTile(tile, ox - at, min(TILE_PIXELS, xEnd - at), kTile * T_K, K, OH * OW, oy * OW + at, f, y);
    }
  }
}
