// conv_pairs: large fp32 convolutions by Hopper's wgmma.
//
// A number is a pair of halves, high + low, which keeps 22 bits of it; of the four products of two pairs three are computed, exactly,
// and the fourth is below 2^-22 of them. The tensor cores cut their sums instead of rounding them, so that only the products of 16
// channels and a window (or of one of its rows) are left to them; those sums are added in f32 (docs/numerics.md).
// Half has a narrow range. Each patch of 16 channels is scaled by the power of two that brings its greatest number to 2^14..2^15,
// and each row of weights likewise when it is packed; the sums are scaled back.
//
// Layouts: x, y and the residual planar N C H W in f32, with offset and batch stride as macros, in elements
//   weights   [group][tile of T_M rows][block of 16 channels][tap][high, low][piece of 8 channels][row of the tile], halves, zero beyond
//             rows and channels; rows in the order that conv_mma/mma_tile.cl wants
//   channels  as conv_mma/mma_output.cl reads them; the multipliers scale the weights back
// P_CIN  channels of a group; P_C blocks of 16 of them; all else as conv_mma.cl
// Tunables: T_M, T_TEAMS, T_SUBS, T_WIDE, T_BATCH, T_STAGES, T_SPLIT as conv_wgmma.cl; T_PATCHES  patches in local memory, 1 or 2
#define P_PAIRS 1
#include "conv_mma/mma_operands.cl"
#if !defined(T_M) || !defined(T_TEAMS) || !defined(T_SUBS) || !defined(T_WIDE) || !defined(T_BATCH) || !defined(T_STAGES) || \
    !defined(T_PATCHES) || !defined(P_CIN)
#error "conv_pairs needs T_M, T_TEAMS, T_SUBS, T_WIDE, T_BATCH, T_STAGES, T_PATCHES and P_CIN"
#endif

#define T_SUM 1
#define BLOCK_PIECES 1
#include "conv_mma/mma.cl"
#include "common/window.cl"
#include "conv_wgmma/wgmma.cl"
#include "conv_wgmma/wgmma_tile.cl"
#include "conv_pairs/pairs.cl"
#include "conv_pairs/pairs_loop.cl"
#include "conv_gemm/split_sum.cl"
#define ROW_AT(row, lane, g) ((row) + (lane) % 4 * 4 + (g) * 16)
#define PIXEL_AT(row, lane, n) pixelOf((row) + (lane) / 4 + (n) / 2 * 64 + (n) % 2 * 8)
#include "conv_mma/mma_output.cl"

#define FIRST_BLOCK ((int)get_group_id(1) * P_C / T_SPLIT)
#define LAST_BLOCK (((int)get_group_id(1) + 1) * P_C / T_SPLIT)

__attribute__((reqd_work_group_size(ALL_ITEMS, 1, 1))) __kernel void conv_pairs(
    __global const P_X* restrict x, __global const PIECE* restrict w, __global const float* restrict channels,
    __global const int* restrict zeroTerms, __global const P_R* restrict residual, __global P_Y* restrict y SPLIT_ARGUMENTS) {
  __local PIECE wl[T_STAGES * T_BATCH * W_PIECES];
  __local PIECE xl[T_PATCHES * X_PIECES];
  __local Scaling scaling;
  const int item = get_local_id(0), tile = get_group_id(0), rowTiles = ROW_TILES * P_GROUPS;
  const int pixelTile = tile / rowTiles, group = tile % rowTiles / ROW_TILES, rowTile = tile % ROW_TILES;
  const int pixel = pixelTile * T_N + item / 128 * (64 * T_SUBS) + item / 32 % 4 * 16;
  w += (group * ROW_TILES + rowTile) * (P_C * TAPS * W_PIECES);
  x += P_XOFFSET + group * (P_CIN * X_PLANE);
  GEMM_T acc[SUM_ROWS][SUM_COLUMNS];
#if D_WGMMA
  EACH_SUM(DECLARE_SUM)
  __local ulong words[MEETINGS];
  const uint meetings = ADDRESS(words);
  makeMeetings(meetings);
  if (item >= ITEMS + 32)
    copyPatches(FIRST_BLOCK, LAST_BLOCK, pixelTile, x, xl, &scaling, meetings);
  else if (item == ITEMS)
    copyWeights(FIRST_BLOCK, LAST_BLOCK, w, ADDRESS(wl), meetings);
  if (item < ITEMS) multiplyTiles(FIRST_BLOCK, LAST_BLOCK, wl, xl, &scaling, acc, meetings);
#else
  sumEmulated(FIRST_BLOCK, LAST_BLOCK, pixelTile, w, x, wl, xl, &scaling, acc);
#endif
#if T_SPLIT > 1
  if (item < ITEMS) leavePart(acc, partial);
  if (!isLast(counters, (__local int*)wl) || item >= ITEMS) return;
  storeSums(partial, group * P_ROWS, rowTile * T_M, pixel, channels, zeroTerms, residual, y);
#else
  if (item >= ITEMS) return;
  storeSums(acc, group * P_ROWS, rowTile * T_M, pixel, channels, zeroTerms, residual, y);
#endif
}
