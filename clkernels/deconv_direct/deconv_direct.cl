// deconv_direct, q_deconv_direct: transposed convolution for CPUs, f32, half or INT8. The outputs whose row leaves remainder ry
// and whose column leaves rx, (oy + padY) % strideY == ry, (ox + padX) % strideX == rx, are a plain convolution of stride 1
// with the taps ky = ry + strideY * t, kx likewise: strideY * strideX small convolutions, which tile.cl computes. A work-item
// does all of them for its rows of the output.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise;
//      planar where P_PLANAR: yOffset + n * yBatch + (k * OH + oy) * OW + ox
//   w  [group][tile of T_TK * 16 channels][input blocks][KH * KW taps] as in tile.cl; the taps by ry, then rx, then rows and
//      columns of that convolution, flipped so that the input is read forward
//   corrections [group][tile][KH * KW taps][T_TK * 16]
// C counts input channels of one group, kBlocks its blocks of 16 output channels. With group > 1 both are whole blocks.
// `columns`: pixels with the same rx that a region takes of a row; `panel`: input channel blocks per pass over it, all of them
// unless tiles are IN_PLACE.
#include "conv_direct/tile.cl"

// Taps r, r + stride, .. below `taps`, and how many taps belong to smaller remainders.
static inline int tapsOf(int taps, int stride, int r) { return r < taps ? (taps - 1 - r) / stride + 1 : 0; }
static inline int tapsBefore(int taps, int stride, int r) { return r * (taps / stride) + min(r, taps % stride); }

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void deconv_direct(
    __global const P_X* x, TAPS_OPERANDS, FINISH_OPERANDS, __global P_Y* y, __global SUM* scratch, int xOffset, int xBatch,
    int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int kBlocks, int OH, int OW, int KH,
    int KW, int strideY, int strideX, int padY, int padX, int rows, int columns, int panel) {
  const int region = get_global_id(0), item = get_global_id(2);
  const int perRow = (OW + strideX - 1) / strideX;
  const int regionsX = (perRow + columns - 1) / columns;
  const int begin = region % regionsX * columns;
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);

  const int tapStep = DEPTH * T_TK * 16;
  Window v = {C, H, W, 0, 0, 1, 1, tapStep * KH * KW, T_TX - 1 + (KW + strideX - 1) / strideX, 0, 0, 0};
  Finish finish = FINISH;
  finish.residual += rOffset + (long)item * rBatch;
  const Taps taps = TAPS;
  const long perItem = P_PATCH ? 0 : (KH + strideY - 1) / strideY * v.span * STEPS;
  const Work work = workOf(x + xOffset + (long)item * xBatch, taps, finish, y + yOffset + (long)item * yBatch, scratch,
                           perItem, v, KH * KW, K, kBlocks, OH * OW);

  for (int cb = 0; cb < work.cBlocks; cb += panel) {
    for (int oy = yBegin; oy < yEnd; ++oy) {
      const int ry = (oy + padY) % strideY;
      v.KH = tapsOf(KH, strideY, ry);
      v.top = (oy + padY) / strideY - (v.KH - 1);
      for (int ox0 = 0; ox0 < min(strideX, OW); ++ox0) {
        const int rx = (ox0 + padX) % strideX;
        v.KW = tapsOf(KW, strideX, rx);
        const int left = (ox0 + padX) / strideX - (v.KW - 1);
        const int end = min((OW - ox0 + strideX - 1) / strideX, begin + columns);
        const int tap = tapsBefore(KH, strideY, ry) * KW + v.KH * tapsBefore(KW, strideX, rx);
        const Taps phase = tapsFrom(work.taps, tap * tapStep, tap * T_TK * 16);
        for (int i0 = begin; i0 < end; i0 += T_TX) {
          v.left = left + i0;
          v.n = min(T_TX, end - i0);
          makeTile(work, phase, v, cb, min(work.cBlocks, cb + panel), oy * OW + ox0 + i0 * strideX, strideX, work.scratch);
        }
      }
    }
  }
}
