// conv_mma, deconv_mma, q_conv_mma, q_deconv_mma: convolution as a matrix product on tensor cores that gathers its operand on the
// fly (implicit GEMM), over halves with sums in f32 or over codes with sums in 32-bit integers.
//
//   sums[row, pixel] = sum over k of weights[k, row] * x[k, pixel]
// Rows are quads of output channels, as in q_conv_gemm.cl: (quad * 4 + lane), quad = (channel / 4) * P_UY * P_UX + phase. Pixels as
// in conv_gemm.cl; P_C, P_H.. of common/window.cl describe x in blocks of 16 channels. k: blocks of a tile's T_K bytes, then the
// tap, then tiles of blocks.
// Layouts: blocks of 16 channels, 32 bytes of halves or 16 bytes of codes; a piece is 16 bytes.
//   x        piece ((block * plane + position) * BLOCK_PIECES + half of the block), from P_XOFFSET on
//   weights  [group][tile of k][row, whole tiles of T_M][T_K bytes], zero beyond rows and channels; the channels of each sixteen in
//            the order that conv_mma/mma_tile.cl wants
//   y, residual  blocks of P_YBLOCK, P_RBLOCK channels (16, or 1 for floats), half, float or codes
//   channels  rate and zero point of y, scale and zero point of the residual; then multipliers (codes only), bias and slopes, a row each, padded to 16 channels
// P_XOFFSET, P_XBATCH  in blocks; P_YOFFSET, P_YBATCH, P_ROFFSET, P_RBATCH  in elements: they are macros, since arguments cost time
//   at every launch
// T_M, T_N  channels and pixels of a work-group, T_K bytes of a row of its local tiles, T_WM, T_WN channels and pixels of a warp,
// T_STAGES  tiles of k in local memory, T_SPLIT parts of k (conv_gemm/split_sum.cl), added by the last work-group of a tile
#include "conv_mma/mma_operands.cl"
#if !defined(T_STAGES)
#error "conv_mma needs T_STAGES"
#endif

#define T_SUM 1
#include "conv_mma/mma.cl"
#include "conv_mma/mma_tile.cl"
#include "conv_mma/mma_loop.cl"
#include "conv_gemm/split_sum.cl"
#define EARLY_QUADS 16
#include "conv_mma/mma_output.cl"

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void conv_mma(
    __global const PIECE* restrict x, __global const PIECE* restrict w, __global const float* restrict channels,
    __global const int* restrict zeroTerms, __global const P_R* restrict residual, __global P_Y* restrict y SPLIT_ARGUMENTS) {
  __local PIECE wl[T_STAGES * W_PIECES];
  __local PIECE xl[T_STAGES * T_N * PIECES];
  GEMM_T acc[SUM_ROWS][SUM_COLUMNS];
  const int tile = get_group_id(0), rowTiles = ROW_TILES * P_GROUPS;
  const int pixelTile = tile / rowTiles, group = tile % rowTiles / ROW_TILES, rowTile = tile % ROW_TILES;
  const int2 at = itemAt(get_local_id(0));
  w += group * (P_TILES * ROW_TILES * W_PIECES) + rowTile * W_PIECES;
  x += (P_XOFFSET + group * (P_C * X_PLANE)) * BLOCK_PIECES;
#if IS_EARLY
  LYING early[T_WM / 16][T_WN / 8];
  askForResiduals(group * P_ROWS, rowTile * T_M + at.x, pixelTile * T_N + at.y, residual, early);
#define RESIDUALS_HERE early
#else
#define RESIDUALS_HERE residual
#endif
  accumulate(FIRST_TILE, LAST_TILE, pixelTile, w, x, wl, xl, acc);
#if T_SPLIT > 1
  leavePart(acc, partial);
  if (!isLast(counters, (__local int*)wl)) return;
  storeSums(partial, group * P_ROWS, rowTile * T_M + at.x, pixelTile * T_N + at.y, channels, zeroTerms, RESIDUALS_HERE, y);
#else
  storeSums(acc, group * P_ROWS, rowTile * T_M + at.x, pixelTile * T_N + at.y, channels, zeroTerms, RESIDUALS_HERE, y);
#endif
}
