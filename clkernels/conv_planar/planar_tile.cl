// The tile of conv_planar.cl and deconv_planar.cl: TILE_K sums x T_V vectors of 16 pixels in registers, over planar operands.
//
// TILE_K      sums of a pixel: output channels, or channels and taps that are alike to the loop
// T_V, P_KW, P_SX, P_COPY, D_PREFETCH  see conv_planar.cl
//
// The arithmetic, in planar_floats.cl or planar_codes.cl, defines
//   DEPTH                      input channels of a step
//   ELEMENT, PIXEL_VALUES      a pixel of the patch, and 16 of them; OUTSIDE: its value beside the image
//   SOURCE, PIXELS(row, i)     where accumulate() reads 16 pixels, and how
//   WEIGHTS, WIDENED           where it reads weights; 1: in local memory, where widen() puts them
//   MULTIPLY_ADD(value, weight, sums), FIRST_SUM(k)  a step; what the sums of a channel begin with
//   copyRow()                  columns [lo, hi) of a row in all channels of a step become elements of the patch
//   residuals(), valuesOf()    16 residuals; from sums to values, all of one channel
#if !defined(TILE_K) || !defined(T_V) || !defined(P_KW) || !defined(P_SX) || !defined(P_COPY) || !defined(D_PREFETCH)
#error "planar_tile.cl needs TILE_K, T_V, P_KW, P_SX, P_COPY and D_PREFETCH"
#endif
#include "common/finish.cl"

#define TILE_PIXELS (16 * T_V)
#if P_CODES
#include "common/dot4.cl"
#include "conv_planar/planar_codes.cl"
#else
#include "conv_planar/planar_floats.cl"
#endif

// 16 pixels at distances of P_SX; nothing behind the last one is read.
static inline PIXEL_VALUES pixels(SOURCE row) {
#if P_SX == 1
  return PIXELS(row, 0);
#else
  return (PIXEL_VALUES)(PIXELS(row, 0).even, PIXELS(row, 15).odd);
#endif
}

#if P_COPY
// Columns [lo, hi) of the patch lie inside the image; the others are `outside` once and for all.
static inline void clearRow(__local ELEMENT* to, int lo, int hi, int span, ELEMENT outside) {
  for (int i = 0; i < min(lo, span); ++i) to[i] = outside;
  for (int i = max(hi, 0); i < span; ++i) to[i] = outside;
}
#endif

// tile[k * T_V + j] = the sums of tap rows [ky0, ky1). Tap row ky lies at x + rowStep * ((firstSlot + ky) % KH). `steps`: of DEPTH
// input channels; `first`: of codes, what sums begin with.
static inline void accumulate(SOURCE x, WEIGHTS w, const int* first, int steps, int KH, int DX, int ky0, int ky1, int firstSlot,
                              int channelStep, int rowStep, SUMS* tile) {
  SUMS acc[TILE_K][T_V];
#pragma unroll
  for (int k = 0; k < TILE_K; ++k)
#pragma unroll
    for (int j = 0; j < T_V; ++j) acc[k][j] = (SUMS)(FIRST_SUM(k));
  for (int ky = ky0; ky < ky1; ++ky) {
    const int slot = firstSlot + ky < KH ? firstSlot + ky : firstSlot + ky - KH;
    SOURCE row = x + slot * rowStep;
    WEIGHTS taps = w + ky * steps * (P_KW * TILE_K);
    for (int c = 0; c < steps; ++c, row += channelStep, taps += P_KW * TILE_K) {
#if D_PREFETCH && !P_COPY
      __builtin_prefetch((const void*)(size_t)(row + TILE_PIXELS * P_SX));
#endif
#pragma unroll
      for (int kx = 0; kx < P_KW; ++kx) {
        PIXEL_VALUES value[T_V];
#pragma unroll
        for (int j = 0; j < T_V; ++j) value[j] = pixels(row + kx * DX + j * 16 * P_SX);
#pragma unroll
        for (int k = 0; k < TILE_K; ++k) {
          const SUMS weight = (SUMS)(taps[kx * TILE_K + k]);
#pragma unroll
          for (int j = 0; j < T_V; ++j) acc[k][j] = MULTIPLY_ADD(value[j], weight, acc[k][j]);
        }
      }
    }
  }
#pragma unroll
  for (int k = 0; k < TILE_K; ++k)
#pragma unroll
    for (int j = 0; j < T_V; ++j) tile[k * T_V + j] = acc[k][j];
}
