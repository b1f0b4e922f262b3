// deconv_planar: deconvolution of planar f32, half or codes for CPUs whose kernel is as large as its stride, so that each output pixel has
// one tap: as 1x1 convolutions, one for each tap, whose results are put between each other. Vectors run along the pixels of an input
// row (conv_planar/planar_tile.cl); a tile is T_K output channels x both taps of a row x T_V vectors. A work-item makes all
// output rows of `rows` input rows for one tile of channels.
//
// Layouts (elements):
//   x  xOffset + n * xBatch + (c * H + iy) * W + ix
//   w  [ceil(K / T_K)][KH][ceil(C / DEPTH)][T_K][2 taps][DEPTH], zero-padded
//   y  yOffset + n * yBatch + (k * KH * H + oy) * 2 * W + ox
// `widened`: weights in half, as float. T_K, T_V: the tile. A row has 16 * T_V pixels at least: the last tile is moved to the left, to end with the row
// D_STREAM  1: see common/finish.cl, of floats out of codes, too; rows are whole vectors then
#if !defined(T_K)
#error "deconv_planar needs T_K"
#endif
#define TILE_K (2 * T_K)
#define P_KW 1
#define P_SX 1
#define P_COPY P_CODES
#include "conv_planar/planar_tile.cl"

static inline void storeVector(float16 value, const Finish f, __global P_Y* y, long i) {
#if D_STREAM
  __builtin_nontemporal_store(value, (__global float16*)(y + i));
#else
  storeFinished(value, f, y, i);
#endif
}

// Channels of a tile whose first input pixel is `ix`, to the output row `row` of `plane` pixels.
static inline void storeTile(const SUMS* tile, int k0, int K, int plane, int row, int ix, const Finish f, __global P_Y* y) {
  for (int k = 0; k < min(T_K, K - k0); ++k) {
    const float16 b = P_HAS_BIAS ? (float16)(f.bias[k0 + k]) : (float16)(0.0f);
    const float16 s = P_SLOPE ? (float16)(f.slope[P_SLOPE == 2 ? k0 + k : 0]) : (float16)(0.0f);
    for (int j = 0; j < T_V; ++j) {
      const float16 even = valuesOf(tile[2 * k * T_V + j], f, k0 + k, b, (float16)(0.0f), s);
      const float16 odd = valuesOf(tile[(2 * k + 1) * T_V + j], f, k0 + k, b, (float16)(0.0f), s);
      float16 first, second;
      first.even = even.lo;
      first.odd = odd.lo;
      second.even = even.hi;
      second.odd = odd.hi;
      const long to = (long)(k0 + k) * plane + row + 2 * (ix + j * 16);
      storeVector(first, f, y, to);
      storeVector(second, f, y, to + 16);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void deconv_planar(
    __global const P_X* x, __global const P_WEIGHTS* w,
#if P_CODES
    __global const int* corrections,
#endif
    FINISH_OPERANDS, __global P_Y* y, int xOffset, int xBatch, int yOffset, int yBatch, int C, int H, int W, int K, int KH,
    int rows
#if P_CODES
    , __local ELEMENT* patch
#endif
#if WIDENED
    , __local float* widened
#endif
) {
  const int region = get_global_id(0), kTile = get_global_id(1), item = get_global_id(2);
  const int steps = (C + DEPTH - 1) / DEPTH, weights = steps * TILE_K * DEPTH;
  x += xOffset + (long)item * xBatch;
  y += yOffset + (long)item * yBatch;
  w += (long)kTile * KH * weights;
  const Finish f = FINISH;
#if WIDENED
  widen(w, KH * weights, widened);
#else
  WEIGHTS widened = (WEIGHTS)w;
#endif
  for (int iy = region * rows; iy < min(H, (region + 1) * rows); ++iy) {
#if P_CODES
    for (int c = 0; c < steps; ++c) copyRow(x + ((long)c * DEPTH * H + iy) * W, H * W, C - c * DEPTH, patch + c * W, 0, W);
#endif
    for (int ky = 0; ky < KH; ++ky) {
#if P_CODES
      SOURCE row = patch;
      const int channelStep = W;
      int first[TILE_K];
      firstSums(corrections + kTile * KH * TILE_K, ky, ky + 1, first);
#else
      SOURCE row = x + (long)iy * W;
      const int channelStep = H * W;
      const int* first = 0;
#endif
      for (int ix = 0; ix < W; ix += TILE_PIXELS) {
        const int at = min(ix, W - TILE_PIXELS);
        SUMS tile[TILE_K * T_V];
        accumulate(row + at, widened + ky * (weights / DEPTH), first, steps, 1, 0, 0, 1, 0, channelStep, 0, tile);
        storeTile(tile, kTile * T_K, K, 2 * KH * H * W, (iy * KH + ky) * 2 * W, at, f, y);
      }
    }
  }
}
