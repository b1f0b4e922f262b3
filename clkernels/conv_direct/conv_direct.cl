// conv_direct, q_conv_direct: convolution for CPUs, f32, half or INT8. One work-item computes a region of the output (rows x
// whole tiles) for T_TK groups of 16 output channels, tile by tile (tile.cl). Work-items that follow each other share the
// weights of their channel groups, which stay in the second-level cache.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise;
//      planar where P_PLANAR: yOffset + n * yBatch + (k * OH + oy) * OW + ox
//   w  [group][tile of T_TK * 16 channels][input blocks][KH][KW] as in tile.cl
//   corrections [group][tile][KH][KW][T_TK * 16]
// C counts input channels of one group, kBlocks its blocks of 16 output channels. With group > 1 both are whole blocks.
// `panel`: input channel blocks per pass over the region. With more passes than one, partial sums wait (tile.cl).
// A 1x1 convolution of stride 1 comes with all its pixels as one row.
#include "conv_direct/tile.cl"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_direct(
    __global const P_X* x, TAPS_OPERANDS, FINISH_OPERANDS, __global P_Y* y, __global SUM* scratch, int xOffset, int xBatch,
    int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int kBlocks, int OH, int OW, int KH,
    int KW, int strideY, int DY, int DX, int padY, int padX, int rows, int columns, int panel) {
  const int region = get_global_id(0), item = get_global_id(2);
  const int regionsX = (OW + columns - 1) / columns;
  const int xBegin = region % regionsX * columns, xEnd = min(OW, xBegin + columns);
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);

  Window v = {C, H, W, KH, KW, DY, DX, DEPTH * T_TK * 16 * KH * KW, (T_TX - 1) * P_STEP + (KW - 1) * DX + 1, 0, 0, 0};
  Finish finish = FINISH;
  finish.residual += rOffset + (long)item * rBatch;
  const Taps taps = TAPS;
  const int tilesPerRow = (columns + T_TX - 1) / T_TX, sumsOfTile = T_TK * T_TX * 16;
  const long perItem = P_PATCH ? (long)rows * tilesPerRow * sumsOfTile : KH * v.span * STEPS;
  const Work work = workOf(x + xOffset + (long)item * xBatch, taps, finish, y + yOffset + (long)item * yBatch, scratch,
                           perItem, v, KH * KW, K, kBlocks, OH * OW);

  for (int cb = 0; cb < work.cBlocks; cb += panel) {
    for (int oy = yBegin; oy < yEnd; ++oy) {
      for (int ox = xBegin; ox < xEnd; ox += T_TX) {
        v.top = oy * strideY - padY;
        v.left = ox * P_STEP - padX;
        v.n = min(T_TX, xEnd - ox);
        __global SUM* kept = work.scratch + ((oy - yBegin) * tilesPerRow + (ox - xBegin) / T_TX) * sumsOfTile;
        makeTile(work, work.taps, v, cb, min(work.cBlocks, cb + panel), oy * OW + ox, 1, kept);
      }
    }
  }
}
