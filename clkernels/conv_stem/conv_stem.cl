// conv_stem, q_conv_stem: convolutions of at most four input channels, a network's first, on tensor cores. The row of a window is
// one sum's depth: its pixels lie side by side, so that fragments come from a patch of x as they are.
//
// x lies in blocks of four channels, words of 32 bits: one of four codes a pixel, two of four halves. Operands but x and weights, macros
// and the epilogue are conv_mma/conv_mma.cl's; P_XOFFSET and P_XBATCH count pixels.
//   weights  [tile of 64 rows][ky][step of 8 words][sixteen rows g][lane][4 words]: words lane % 4 and 4 + lane % 4 of the step, of
//            row lane / 4, then of row 8 + lane / 4; rows of each sixteen in the order that conv_mma/mma_tile.cl wants; zero beyond
//            rows, channels and the window's row
// A group of four warps makes 64 channels of a rectangle of 16 pixels by 4 * T_LINES lines.
#include "conv_mma/mma_operands.cl"
#if !defined(T_LINES)
#error "conv_stem needs T_LINES"
#endif
#if P_C != 1 || P_DX != 1 || P_GROUPS != 1
#error "conv_stem takes one block of channels, one group, and rows of neighbours"
#endif

#define T_SUM 1
#define T_SPLIT 1
#define T_M 64
#define T_WM 64
#define T_WN (16 * T_LINES)
#define ITEMS 128
#define SUM_ROWS (4 * T_LINES)
#define SUM_COLUMNS 8
#define P_TILES 1
#include "conv_mma/mma.cl"
#include "common/window.cl"
#include "conv_gemm/split_sum.cl"

#define WORDS (1 + P_HALF)                        // of a pixel
#define ROW_WORDS (P_KW * WORDS)                  // of a window's row
#define STEPS ((ROW_WORDS + 7) / 8)
#define HIGH (4 * T_LINES)
#define PITCH (15 * P_SX * WORDS + STEPS * 8)     // words of a line of the patch
#define PATCH_LINES ((HIGH - 1) * P_SY + (P_KH - 1) * P_DY + 1)
#define TILES_X ((P_QW + 15) / 16)
#define TILES_Y ((P_QH + HIGH - 1) / HIGH)
#define ROW_TILES ((P_ROWS + T_M - 1) / T_M)
#if P_HALF
#define PIXEL uint2
#else
#define PIXEL uint
#endif

// The pixel (of all images) at a place of a line of all tiles; P_PIXELS where it is none.
static inline int pixelOf(uint line, uint place) {
  const uint tile = line / HIGH, n = tile / (TILES_X * TILES_Y), at = tile % (TILES_X * TILES_Y);
  const uint y = at / TILES_X * HIGH + line % HIGH, x = at % TILES_X * 16 + place;
  return y < P_QH && x < P_QW ? n * Q_PLANE + y * P_QW + x : P_PIXELS;
}
#define PIXELS_FULL (P_QW % 16 == 0 && P_QH % HIGH == 0)
#define ROW_AT(row, lane, g) ((row) + (lane) % 4 * 4 + (g) * 16)
#define PIXEL_AT(line, lane, n) pixelOf((line) + (n) / 2, (lane) / 4 + (n) % 2 * 8)
#include "conv_mma/mma_output.cl"

// The patch of x of a tile, zeros outside the image.
static inline void loadPatch(int tile, __global const PIXEL* x, __local PIXEL* patch) {
  const int n = tile / (TILES_X * TILES_Y), at = tile % (TILES_X * TILES_Y);
  const int top = at / TILES_X * (HIGH * P_SY) - P_PY, left = at % TILES_X * (16 * P_SX) - P_PX;
  x += P_XOFFSET + n * P_XBATCH;
  for (int i = get_local_id(0); i < PATCH_LINES * (PITCH / WORDS); i += ITEMS) {
    const int line = i / (PITCH / WORDS), row = top + line, column = left + i - line * (PITCH / WORDS);
    const int inside = (uint)row < (uint)P_H & (uint)column < (uint)P_W;
    patch[i] = inside ? x[row * P_W + column] : (PIXEL)(0);
  }
}

#if D_MMA
static inline void addRow(__local const uint* row, __global const int4* w, int step, int lane, GEMM_T sums[SUM_ROWS][SUM_COLUMNS]) {
  int4 b[4];
#pragma unroll
  for (int g = 0; g < 4; ++g) b[g] = w[g * 32 + lane];
#pragma unroll
  for (int i = 0; i < T_LINES; ++i) {
    __local const uint* from = row + i * (P_SY * PITCH) + lane / 4 * (P_SX * WORDS) + lane % 4 + step * 8;
    int a[4] = {from[0], from[8 * P_SX * WORDS], from[4], from[8 * P_SX * WORDS + 4]};
#if P_HALF && ROW_WORDS % 8
    // What lies behind the window may be infinite, and zero times that is no number.
    if (step * 8 + lane % 4 >= ROW_WORDS) a[0] = a[1] = 0;
    if (step * 8 + lane % 4 + 4 >= ROW_WORDS) a[2] = a[3] = 0;
#endif
#pragma unroll
    for (int g = 0; g < 4; ++g) {
      mma(sums[g * T_LINES + i], a, b[g].s0, b[g].s1);
      mma(sums[g * T_LINES + i] + 4, a, b[g].s2, b[g].s3);
    }
  }
}
#else
static inline GEMM_T addWords(uint a, uint b, GEMM_T sum) {
#if P_HALF
  const float2 product = widenHalf2(as_ushort2(a)) * widenHalf2(as_ushort2(b));
  return sum + (product.s0 + product.s1);
#else
  const int4 product = convert_int4(as_char4(a)) * convert_int4(as_char4(b));
  return sum + product.s0 + product.s1 + product.s2 + product.s3;
#endif
}
static inline void addRow(__local const uint* row, __global const int4* w, int step, int lane, GEMM_T sums[SUM_ROWS][SUM_COLUMNS]) {
  __global const uint* words = (__global const uint*)w;
  for (int part = 0; part < SUM_ROWS; ++part)
    for (int s = 0; s < SUM_COLUMNS; ++s) {
      const int g = part / T_LINES, i = part % T_LINES, column = lane % 4 * 2 + s % 2, pixel = s / 2 % 2 * 8 + lane / 4;
      __local const uint* from = row + (i * P_SY * PITCH + pixel * P_SX * WORDS + step * 8);
      for (int k = 0; k < 8; ++k)
        if (step * 8 + k < ROW_WORDS)
          sums[part][s] = addWords(from[k], words[(g * 32 + column * 4 + k % 4) * 4 + s / 4 * 2 + k / 4], sums[part][s]);
    }
}
#endif

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void conv_stem(
    __global const PIXEL* restrict x, __global const int4* restrict w, __global const float* restrict channels,
    __global const int* restrict zeroTerms, __global const P_R* restrict residual, __global P_Y* restrict y) {
  __local PIXEL patch[PATCH_LINES * (PITCH / WORDS)];
  const int tile = (int)get_group_id(0) / ROW_TILES, rowTile = (int)get_group_id(0) % ROW_TILES;
  const int lane = get_local_id(0) % 32, line = (int)get_local_id(0) / 32 * T_LINES;
  loadPatch(tile, x, patch);
  GEMM_T acc[SUM_ROWS][SUM_COLUMNS];
#pragma unroll
  for (int i = 0; i < SUM_ROWS; ++i)
#pragma unroll
    for (int j = 0; j < SUM_COLUMNS; ++j) acc[i][j] = 0;
  w += rowTile * (P_KH * STEPS * 128);
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int ky = 0; ky < P_KH; ++ky) {
    __local const uint* row = (__local const uint*)patch + (line * P_SY + ky * P_DY) * PITCH;
#pragma unroll
    for (int step = 0; step < STEPS; ++step) addRow(row, w + (ky * STEPS + step) * 128, step, lane, acc);
  }
  storeSums(acc, 0, rowTile * T_M, tile * HIGH + line, channels, zeroTerms, residual, y);
}
