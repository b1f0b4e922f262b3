// q_conv_gemm: INT8 convolution and deconvolution as a matrix product that gathers its right operand on the fly. The loop is
// conv_gemm's, over words: four codes of neighbouring channels are one element, dot4 is the multiply-add.
//
//   sums[row, pixel] = sum over k of dot4(weights[k, row], x[k, pixel])
// pixel, k, taps, T_ and P_ macros as in conv_gemm.cl, with words for channels: P_C words per group and pixel.
//   row  (quad * 4 + lane): quad = (output channel / 4) * P_UY * P_UX + phase, lane = output channel % 4, so that four
//        neighbouring rows are four channels of one output pixel. P_ROWS is a multiple of 4.
// Layouts (offsets and batch strides of x in words, of y and the residual in elements):
//   x        blocks of four channels: word (c / 4) * plane + position
//   weights  [group][k][P_ROWS4] words, zero beyond the rows and the sum
//   y, residual  blocks of P_YBLOCK, P_RBLOCK channels (4 or 1); codes are always in blocks of 4
//   channels  multipliers, bias and slopes: a row each, output channels padded to a multiple of 4
//   partial[((split * P_GROUPS + group) * P_ROWS + row) * P_PIXELS4 + pixel], sums of T_SPLIT > 1 parts of k where T_SUM is 0
// P_PHASE_ROWS 1 (deconvolutions with planar floats): rows as in conv_gemm, (c * P_UY + py) * P_UX + px, so that four
//   neighbours are four phases of one channel: P_UX a multiple of 4, or 2 with P_UY even. No residual.
// P_CHANNELS  output channels of all groups; P_STORE  1: vectors of four floats or words wherever y is not in blocks of floats
// Sums are 32-bit, modulo 2^32; epilogue by common/quant.cl. Tunables as conv_gemm.
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/dot4.cl"
#include "common/quant.cl"

#define GEMM_T int
#define GEMM_T4 int4
#define GEMM_MAC(a, b, sum) dot4(a, b, sum)
#define LOAD_X1(p, i) ((p)[i])
#define LOAD_X4(p, i) (*(__global const int4*)((p) + (i)))
#define LOAD_W4 LOAD_X4
#define W_PITCH (T_M / 4)
#define X_PITCH (T_N / 4)
#include "common/gemm_tile.cl"
#include "conv_gemm/gemm_loop.cl"
#include "conv_gemm/split_sum.cl"
#include "conv_gemm/gemm_part.cl"
#include "q_conv_gemm/q_gemm_output.cl"

#if T_SPLIT == 1 || T_SUM
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void q_conv_gemm(
    __global const int* restrict x, __global const int* restrict w, __global const int2* restrict table, int xOffset,
    int xBatch, EPILOGUE_ARGUMENTS SPLIT_ARGUMENTS) {
  LOCAL_TILES
  accumulate(FIRST_TILE, LAST_TILE, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
  ADD_PARTS
  const QuantOutput out = QUANT_OUTPUT;
#pragma unroll
  for (int i = 0; i < T_WM; i += 4) {
#pragma unroll
    for (int j = 0; j < T_WN; j += 4) {
      const int row = rowTile * T_M + i * GM + at.x * 4, pixel = pixelTile * T_N + j * GN + at.y * 4;
      int4 sums[4];
#pragma unroll
      for (int l = 0; l < 4; ++l) sums[l] = (int4)(acc[i][j + l], acc[i + 1][j + l], acc[i + 2][j + l], acc[i + 3][j + l]);
      if (row < P_ROWS) storeQuad(sums, (group * P_ROWS + row) / 4, pixel, out);
    }
  }
}
#endif
