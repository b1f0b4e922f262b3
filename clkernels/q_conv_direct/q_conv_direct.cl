// q_conv_direct: INT8 convolution for CPUs. One work-item computes a region of the output (rows x whole tiles) for T_TK
// groups of 16 output channels, tile by tile (q_tile.cl). Work-items that follow each other share the weights of their
// channel groups, which stay in the second-level cache. Epilogue: common/quant.cl.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise;
//     planar where P_PLANAR: yOffset + n * yBatch + (k * OH + oy) * OW + ox
//   w  [group][tile of T_TK * 16 channels][input blocks][KH][KW][quads][T_TK * 16][4], zero-padded
//   corrections [group][tile][KH][KW][T_TK * 16]
// C counts input channels of one group, kBlocks its blocks of 16 output channels.
// `panel`: input channel blocks per pass over the region. With more passes than one, sums wait in `sums`.
// A 1x1 convolution of stride 1 comes with all its pixels as one row.
#include "q_conv_direct/q_tile.cl"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void q_conv_direct(
    __global const char* x, __global const char* w, __global const int* corrections, __global const float* multiplier,
    __global const float* bias, __global const Q_RESIDUAL* residual, __global const float* slope, __global Q_RESULT* y,
    __global int* sums, float rate, float residualScale, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
    int rBatch, int C, int H, int W, int K, int kBlocks, int OH, int OW, int KH, int KW, int strideY, int DY, int DX,
    int padY, int padX, int rows, int columns, int panel) {
  const int region = get_global_id(0), kTile = get_global_id(1), item = get_global_id(2);
  const int regionsX = (OW + columns - 1) / columns;
  const int xBegin = region % regionsX * columns, xEnd = min(OW, xBegin + columns);
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);

  const int tilesPerGroup = (kBlocks + T_TK - 1) / T_TK;
  const int group = kTile / tilesPerGroup, firstBlock = kTile % tilesPerGroup * T_TK;
  const int blocks = min(T_TK, kBlocks - firstBlock);
  const int k0 = (group * kBlocks + firstBlock) * 16;
  const int cBlocks = (C + QUADS * 4 - 1) / (QUADS * 4);

  Window v = {C, H, W, KH, KW, DY, DX, QUADS * 4 * T_TK * 16 * KH * KW, (T_TX - 1) * P_STEP + (KW - 1) * DX + 1, 0, 0, 0};
  x += xOffset + (long)item * xBatch + (long)group * C * H * W;
  w += (long)kTile * cBlocks * v.blockStep;
  corrections += (long)kTile * KH * KW * T_TK * 16;
  y += yOffset + (long)item * yBatch + (long)k0 * OH * OW;
  residual += rOffset + (long)item * rBatch + (long)k0 * OH * OW;
  const Finish finish = {multiplier, bias, slope, residual, rate, residualScale};
  const int tilesPerRow = (columns + T_TX - 1) / T_TX;
  sums += (((long)item * get_global_size(1) + kTile) * get_global_size(0) + region) * rows * tilesPerRow * T_TK * T_TX * 16;

  int16 tile[T_TK * T_TX];
  for (int cb = 0; cb < cBlocks; cb += panel) {
    const int cbEnd = min(cBlocks, cb + panel);
    for (int oy = yBegin; oy < yEnd; ++oy) {
      for (int ox = xBegin; ox < xEnd; ox += T_TX) {
        v.top = oy * strideY - padY;
        v.left = ox * P_STEP - padX;
        v.n = min(T_TX, xEnd - ox);
        __global int* kept = sums + ((oy - yBegin) * tilesPerRow + (ox - xBegin) / T_TX) * T_TK * T_TX * 16;
        if (cb > 0)
          for (int i = 0; i < T_TK * T_TX; ++i) tile[i] = vload16(i, kept);
        accumulateTile(x, w, corrections, v, cb, cbEnd, tile);
        if (cbEnd == cBlocks)
          storeTile(tile, finish, y, K, k0, blocks, v.n, OH * OW, oy * OW + ox, 1);
        else
          for (int i = 0; i < T_TK * T_TX; ++i) vstore16(tile[i], i, kept);
      }
    }
  }
}
