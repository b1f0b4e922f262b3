// conv_wgmma, deconv_wgmma, q_conv_wgmma, q_deconv_wgmma: as conv_mma/conv_mma.cl, by Hopper's wgmma: a patch of x in
// local memory serves all taps, and weights arrive by bulk copies.
//
// Operands, macros and the epilogue are conv_mma.cl's but for
//   weights  [group][tile of T_M rows][chunk of 32 bytes of channels][tap][piece of 16 bytes][row of the tile], zero beyond rows and
//            channels; the channels of each sixteen in the order that conv_mma/mma_tile.cl wants
// T_M  channels of a work-group: 64 or 128; T_TEAMS  teams of four warps that multiply, T_SUBS  sub-tiles of 64 pixels of each: 1 or 2;
// T_WIDE  see wgmma_tile.cl; T_BATCH  taps whose weights arrive together, a divisor of their number (of a row's, beyond 9 taps);
// T_STAGES  batches in local memory; T_SPLIT  parts of the chunks (conv_gemm/split_sum.cl)
#include "conv_mma/mma_operands.cl"
#if !defined(T_M) || !defined(T_TEAMS) || !defined(T_SUBS) || !defined(T_WIDE) || !defined(T_BATCH) || !defined(T_STAGES)
#error "conv_wgmma needs T_M, T_TEAMS, T_SUBS, T_WIDE, T_BATCH and T_STAGES"
#endif

#define T_SUM 1
#include "conv_mma/mma.cl"
#include "common/window.cl"
#include "conv_wgmma/wgmma.cl"
#include "conv_wgmma/wgmma_tile.cl"
#include "conv_wgmma/wgmma_loop.cl"
#include "conv_gemm/split_sum.cl"
#define ROW_AT(row, lane, g) ((row) + (lane) % 4 * 4 + (g) * 16)
#define PIXEL_AT(row, lane, n) pixelOf((row) + (lane) / 4 + (n) / 2 * 64 + (n) % 2 * 8)
#include "conv_mma/mma_output.cl"

#define FIRST_CHUNK ((int)get_group_id(1) * CHUNKS / T_SPLIT)
#define LAST_CHUNK (((int)get_group_id(1) + 1) * CHUNKS / T_SPLIT)

__attribute__((reqd_work_group_size(ALL_ITEMS, 1, 1))) __kernel void conv_wgmma(
    __global const PIECE* restrict x, __global const PIECE* restrict w, __global const float* restrict channels,
    __global const int* restrict zeroTerms, __global const P_R* restrict residual, __global P_Y* restrict y SPLIT_ARGUMENTS) {
  __local PIECE wl[T_STAGES * T_BATCH * W_PIECES];
  __local PIECE xl[2 * X_PIECES];
  const int item = get_local_id(0), tile = get_group_id(0), rowTiles = ROW_TILES * P_GROUPS;
  const int pixelTile = tile / rowTiles, group = tile % rowTiles / ROW_TILES, rowTile = tile % ROW_TILES;
  const int pixel = pixelTile * T_N + item / 128 * (64 * T_SUBS) + item / 32 % 4 * 16;
  w += (group * ROW_TILES + rowTile) * (P_TILES * W_PIECES);
  x += (P_XOFFSET + group * (P_C * X_PLANE)) * BLOCK_PIECES;
  GEMM_T acc[SUM_ROWS][SUM_COLUMNS];
#if D_WGMMA
  EACH_SUM(DECLARE_SUM)
  __local ulong words[MEETINGS];
  const uint meetings = ADDRESS(words);
  makeMeetings(meetings);
  if (item >= ITEMS + 32)
    copyPatches(FIRST_CHUNK, LAST_CHUNK, pixelTile, x, opaque(ADDRESS(xl)), opaque(meetings));
  else if (item == ITEMS)
    copyWeights(FIRST_CHUNK, LAST_CHUNK, w, ADDRESS(wl), meetings);
  if (item < ITEMS) {
    EACH_SUM(CLEAR_SUM)
    multiplyTiles(FIRST_CHUNK, LAST_CHUNK, wl, xl, meetings);
    EACH_SUM(READ_SUM)
  }
#else
  sumEmulated(FIRST_CHUNK, LAST_CHUNK, pixelTile, w, x, wl, xl, acc);
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
