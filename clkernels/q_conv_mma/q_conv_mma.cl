// q_conv_mma: INT8 convolution as q_conv_gemm computes it, with the inner product on NVIDIA's tensor cores (mma_tile.cl). Sums
// are 32-bit, modulo 2^32, and so the same to the bit. Layouts, P_ macros and tunables as in q_conv_gemm.cl, but
//   T_WM, T_WN  channels and pixels of a warp, multiples of 16
//   weights     the channels of each sixteen in the order that mma_tile.cl wants
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/quant.cl"

#define GEMM_T int
#define GEMM_T4 int4
#define LOAD_X1(p, i) ((p)[i])
#define LOAD_X4(p, i) (*(__global const int4*)((p) + (i)))
#define LOAD_W4 LOAD_X4
#include "q_conv_mma/mma_tile.cl"
#include "conv_gemm/gemm_loop.cl"
#include "conv_gemm/split_sum.cl"
#include "q_conv_gemm/q_gemm_output.cl"

// Of this item's sums, the n-th four: its first row and its pixel in the work-group's tile, and the sums themselves.
typedef struct {
  int row, pixel;
  int4 sums;
} Quad;
#define QUADS (SUM_ROWS * 2)
static inline Quad quadAt(int n, int2 at, int sums[SUM_ROWS][SUM_COLUMNS]) {
  const int lane = get_local_id(0) % 32, part = n / 2, h = n % 2, g = part / (T_WN / 16), i = part % (T_WN / 16);
  const int* s = sums[part] + h * 2;
  const Quad quad = {at.x + g * 16 + lane % 4 * 4, at.y + i * 16 + h * 8 + lane / 4, (int4)(s[0], s[1], s[4], s[5])};
  return quad;
}

#if T_SPLIT == 1 || T_SUM
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void q_conv_mma(
    __global const int* restrict x, __global const int* restrict w, __global const int2* restrict table, int xOffset,
    int xBatch, EPILOGUE_ARGUMENTS SPLIT_ARGUMENTS) {
  LOCAL_TILES
  accumulate(FIRST_TILE, LAST_TILE, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
  ADD_PARTS
  const QuantOutput out = QUANT_OUTPUT;
#pragma unroll
  for (int n = 0; n < QUADS; ++n) {
    const Quad quad = quadAt(n, at, acc);
    const int row = rowTile * T_M + quad.row;
    if (row < P_ROWS) storeSum(quad.sums, (group * P_ROWS + row) / 4, pixelTile * T_N + quad.pixel, out);
  }
}
#else
// One part of k, without the epilogue, into `partial`; gemm_sum adds the parts.
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void gemm_part(
    __global const int* restrict x, __global const int* restrict w, __global const int2* restrict table, int xOffset,
    int xBatch, __global int* restrict partial) {
  LOCAL_TILES
  const int split = get_group_id(1);
  accumulate(FIRST_TILE, LAST_TILE, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
#pragma unroll
  for (int n = 0; n < QUADS; ++n) {
    const Quad quad = quadAt(n, at, acc);
    const int row = rowTile * T_M + quad.row, pixel = pixelTile * T_N + quad.pixel;
    if (row >= P_ROWS || pixel >= P_PIXELS) continue;
    __global int* to = partial + ((split * P_GROUPS + group) * P_ROWS + row) * P_PIXELS4 + pixel;
    to[0] = quad.sums.s0, to[P_PIXELS4] = quad.sums.s1, to[2 * P_PIXELS4] = quad.sums.s2, to[3 * P_PIXELS4] = quad.sums.s3;
  }
}
#endif
