// conv_direct: convolution for CPUs, f32. One work-item computes a region of the output (rows x whole tiles) for T_TK
// groups of 16 output channels, tile by tile (tile.cl). Work-items that follow each other share the weights of their
// channel groups, which stay in the second-level cache.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise
//   w  [group][tile of T_TK * 16 channels][C / P_BLOCK][KH][KW][P_BLOCK][T_TK * 16], zero-padded
// C counts input channels of one group, kBlocks its blocks of 16 output channels. With group > 1 both are whole blocks.
// `panel`: input channel blocks per pass over the region. With more passes than one, partial sums wait in y.
// A 1x1 convolution of stride 1 comes with all its pixels as one row.
#include "conv_direct/tile.cl"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_direct(
    __global const float* x, __global const float* w, __global const float* bias, __global const float* residual,
    __global const float* slope, __global float* y, __global float* patches, int xOffset, int xBatch, int yOffset,
    int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int kBlocks, int OH, int OW, int KH, int KW,
    int strideY, int DY, int DX, int padY, int padX, int rows, int columns, int panel) {
  const int region = get_global_id(0), kTile = get_global_id(1), item = get_global_id(2);
  const int regionsX = (OW + columns - 1) / columns;
  const int xBegin = region % regionsX * columns, xEnd = min(OW, xBegin + columns);
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);

  const int tilesPerGroup = (kBlocks + T_TK - 1) / T_TK;
  const int group = kTile / tilesPerGroup, firstBlock = kTile % tilesPerGroup * T_TK;
  const int blocks = min(T_TK, kBlocks - firstBlock);
  const int k0 = (group * kBlocks + firstBlock) * 16;
  const int cBlocks = (C + P_BLOCK - 1) / P_BLOCK;

  Window v = {C, H, W, KH, KW, DY, DX, P_BLOCK * T_TK * 16 * KH * KW, (T_TX - 1) * P_STEP + (KW - 1) * DX + 1, 0, 0, 0};
  x += xOffset + (long)item * xBatch + (long)group * cBlocks * H * W * P_BLOCK;
  w += (long)kTile * cBlocks * v.blockStep;
  y += yOffset + (long)item * yBatch + (long)k0 * OH * OW;
  residual += rOffset + (long)item * rBatch + (long)k0 * OH * OW;
  __global float* patch = patches + (((long)item * get_global_size(1) + kTile) * get_global_size(0) + region) *
                                        KH * v.span * P_BLOCK;

  float16 tile[T_TK * T_TX];
  for (int cb = 0; cb < cBlocks; cb += panel) {
    const int cbEnd = min(cBlocks, cb + panel);
    for (int oy = yBegin; oy < yEnd; ++oy) {
      for (int ox = xBegin; ox < xEnd; ox += T_TX) {
        v.top = oy * strideY - padY;
        v.left = ox * P_STEP - padX;
        v.n = min(T_TX, xEnd - ox);
        const long at = (long)oy * OW + ox;
        if (cb > 0)
          for (int j = 0; j < blocks; ++j)
            for (int i = 0; i < v.n; ++i) tile[j * T_TX + i] = vload16((long)j * OH * OW + at + i, y);
        accumulateTile(x, w, patch, v, cb, cbEnd, tile);
        for (int j = 0; j < blocks; ++j) {
          const int k = k0 + j * 16;
          for (int i = 0; i < v.n; ++i) {
            const long pixel = (long)j * OH * OW + at + i;
            float16 value = tile[j * T_TX + i];
            const bool final = cbEnd == cBlocks;
            if (final) value = maskLanes(epilogueAt(value, k, pixel * 16, bias, residual, slope), K - k);
            storeBlock(value, y + pixel * 16, final);
          }
        }
      }
    }
  }
}
