// mma_probe: the sums that one warp makes of 16 pixels and 16 channels by conv_mma's inner product, as integers.
//   y[pixel * 16 + channel] = sum over k of x[pixel][k] * w[channel][k], rows of 32 bytes; channels as they are packed
// D_MMA, P_HALF  as in conv_mma/mma.cl
#define T_M 16
#define T_N 16
#define T_K 32
#define T_WM 16
#define T_WN 16
#include "conv_mma/mma.cl"
#include "conv_mma/mma_tile.cl"

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void mma_check(__global const PIECE* restrict x,
                                                                           __global const PIECE* restrict w,
                                                                           __global int* restrict y) {
  __local PIECE xl[T_N * PIECES], wl[T_M * PIECES];
  const int item = get_local_id(0), row = item / PIECES, piece = item % PIECES;
  copyCached(xl + PIECE_AT(row, piece), x + item, 1);
  copyPast(wl + PIECE_AT(row, piece), w + item, 1);
  COMMIT_COPIES();
  WAIT_FOR_COPIES(0);
  barrier(CLK_LOCAL_MEM_FENCE);
  GEMM_T sums[SUM_ROWS][SUM_COLUMNS];
  for (int s = 0; s < SUM_COLUMNS; ++s) sums[0][s] = 0;
  multiply(wl, xl, itemAt(item), 0, sums);
  for (int s = 0; s < SUM_COLUMNS; ++s) {
    const int channel = s / 4 * 8 + item % 4 * 2 + s % 2, pixel = s / 2 % 2 * 8 + item / 4;
    y[pixel * 16 + channel] = (int)sums[0][s];
  }
}
