// q_deconv_direct: INT8 transposed convolution for CPUs. As in deconv_direct.cl, the outputs whose row leaves remainder ry
// and whose column leaves rx, (oy + padY) % strideY == ry, (ox + padX) % strideX == rx, are a plain convolution of stride 1
// with the taps ky = ry + strideY * t, kx likewise, which q_tile.cl computes. A work-item does all strideY * strideX of
// them for its rows of the output. Epilogue: common/quant.cl.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise;
//     planar where P_PLANAR: yOffset + n * yBatch + (k * OH + oy) * OW + ox
//   w  [group][tile of T_TK * 16 channels][input blocks][KH * KW taps][quads][T_TK * 16][4], zero-padded; the taps
//      by ry, then rx, then rows and columns of that convolution, flipped so that the input is read forward
//   corrections [group][tile][KH * KW taps][T_TK * 16]
// C counts input channels of one group, kBlocks its blocks of 16 output channels.
// `columns`: pixels with the same rx that a region takes of a row.
#define P_STEP 1
#include "q_conv_direct/q_tile.cl"

// Taps r, r + stride, .. below `taps`, and how many taps belong to smaller remainders.
static inline int tapsOf(int taps, int stride, int r) { return r < taps ? (taps - 1 - r) / stride + 1 : 0; }
static inline int tapsBefore(int taps, int stride, int r) { return r * (taps / stride) + min(r, taps % stride); }

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void q_deconv_direct(
    __global const char* x, __global const char* w, __global const int* corrections, __global const float* multiplier,
    __global const float* bias, __global const Q_RESIDUAL* residual, __global const float* slope, __global Q_RESULT* y,
    float rate, float residualScale, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset, int rBatch, int C,
    int H, int W, int K, int kBlocks, int OH, int OW, int KH, int KW, int strideY, int strideX, int padY, int padX,
    int rows, int columns) {
  const int region = get_global_id(0), kTile = get_global_id(1), item = get_global_id(2);
  const int perRow = (OW + strideX - 1) / strideX;
  const int regionsX = (perRow + columns - 1) / columns;
  const int begin = region % regionsX * columns;
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);

  const int tilesPerGroup = (kBlocks + T_TK - 1) / T_TK;
  const int group = kTile / tilesPerGroup, firstBlock = kTile % tilesPerGroup * T_TK;
  const int blocks = min(T_TK, kBlocks - firstBlock);
  const int k0 = (group * kBlocks + firstBlock) * 16;
  const int cBlocks = (C + QUADS * 4 - 1) / (QUADS * 4);

  const int tapBytes = QUADS * 4 * T_TK * 16;
  Window v = {C, H, W, 0, 0, 1, 1, tapBytes * KH * KW, T_TX - 1 + (KW + strideX - 1) / strideX, 0, 0, 0};
  x += xOffset + (long)item * xBatch + (long)group * C * H * W;
  w += (long)kTile * cBlocks * v.blockStep;
  corrections += (long)kTile * KH * KW * T_TK * 16;
  y += yOffset + (long)item * yBatch + (long)k0 * OH * OW;
  residual += rOffset + (long)item * rBatch + (long)k0 * OH * OW;
  const Finish finish = {multiplier, bias, slope, residual, rate, residualScale};

  int16 tile[T_TK * T_TX];
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
      for (int i0 = begin; i0 < end; i0 += T_TX) {
        v.left = left + i0;
        v.n = min(T_TX, end - i0);
        accumulateTile(x, w + tap * tapBytes, corrections + tap * T_TK * 16, v, 0, cBlocks, tile);
        storeTile(tile, finish, y, K, k0, blocks, v.n, OH * OW, oy * OW + ox0 + i0 * strideX, strideX);
      }
    }
  }
}
