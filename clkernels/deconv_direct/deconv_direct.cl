// deconv_direct: transposed convolution for CPUs, f32. The outputs whose row leaves remainder ry and whose column leaves
// rx, (oy + padY) % strideY == ry, (ox + padX) % strideX == rx, are a plain convolution of stride 1 with the taps
// ky = ry + strideY * t, kx likewise: strideY * strideX small convolutions, which tile.cl computes. A work-item does all
// of them for its rows of the output.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise
//   w  [group][tile of T_TK * 16 channels][C / P_BLOCK][KH * KW taps][P_BLOCK][T_TK * 16], zero-padded; the taps
//      by ry, then rx, then rows and columns of that convolution, flipped so that the input is read forward
// C counts input channels of one group, kBlocks its blocks of 16 output channels. With group > 1 both are whole blocks.
// `columns`: pixels with the same rx that a region takes of a row; `panel`: input channel blocks per pass over it.
#define P_STEP 1
#include "conv_direct/tile.cl"

// Taps r, r + stride, .. below `taps`, and how many taps belong to smaller remainders.
static inline int tapsOf(int taps, int stride, int r) { return r < taps ? (taps - 1 - r) / stride + 1 : 0; }
static inline int tapsBefore(int taps, int stride, int r) { return r * (taps / stride) + min(r, taps % stride); }

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void deconv_direct(
    __global const float* x, __global const float* w, __global const float* bias, __global const float* residual,
    __global const float* slope, __global float* y, __global float* patches, int xOffset, int xBatch, int yOffset,
    int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int kBlocks, int OH, int OW, int KH, int KW,
    int strideY, int strideX, int padY, int padX, int rows, int columns, int panel) {
  const int region = get_global_id(0), kTile = get_global_id(1), item = get_global_id(2);
  const int perRow = (OW + strideX - 1) / strideX;
  const int regionsX = (perRow + columns - 1) / columns;
  const int begin = region % regionsX * columns;
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);

  const int tilesPerGroup = (kBlocks + T_TK - 1) / T_TK;
  const int group = kTile / tilesPerGroup, firstBlock = kTile % tilesPerGroup * T_TK;
  const int blocks = min(T_TK, kBlocks - firstBlock);
  const int k0 = (group * kBlocks + firstBlock) * 16;
  const int cBlocks = (C + P_BLOCK - 1) / P_BLOCK;

  const int tapFloats = P_BLOCK * T_TK * 16;
  const int patchRow = T_TX - 1 + (KW + strideX - 1) / strideX;
  Window v = {C, H, W, 0, 0, 1, 1, tapFloats * KH * KW, patchRow, 0, 0, 0};
  x += xOffset + (long)item * xBatch + (long)group * cBlocks * H * W * P_BLOCK;
  w += (long)kTile * cBlocks * v.blockStep;
  y += yOffset + (long)item * yBatch + (long)k0 * OH * OW;
  residual += rOffset + (long)item * rBatch + (long)k0 * OH * OW;
  __global float* patch = patches + (((long)item * get_global_size(1) + kTile) * get_global_size(0) + region) *
                                        ((KH + strideY - 1) / strideY) * patchRow * P_BLOCK;

  float16 tile[T_TK * T_TX];
  for (int cb = 0; cb < cBlocks; cb += panel) {
    const int cbEnd = min(cBlocks, cb + panel);
    for (int oy = yBegin; oy < yEnd; ++oy) {
      const int ry = (oy + padY) % strideY;
      v.KH = tapsOf(KH, strideY, ry);
      v.top = (oy + padY) / strideY - (v.KH - 1);
      for (int ox0 = 0; ox0 < min(strideX, OW); ++ox0) {
        const int rx = (ox0 + padX) % strideX;
        v.KW = tapsOf(KW, strideX, rx);
        const int left = (ox0 + padX) / strideX - (v.KW - 1);
        const int end = min((OW - ox0 + strideX - 1) / strideX, begin + columns);
        __global const float* taps =
            w + (tapsBefore(KH, strideY, ry) * KW + v.KH * tapsBefore(KW, strideX, rx)) * tapFloats;
        for (int i0 = begin; i0 < end; i0 += T_TX) {
          v.left = left + i0;
          v.n = min(T_TX, end - i0);
          const long at = (long)oy * OW + ox0 + i0 * strideX;
          if (cb > 0)
            for (int j = 0; j < blocks; ++j)
              for (int i = 0; i < v.n; ++i)
                tile[j * T_TX + i] = vload16((long)j * OH * OW + at + i * strideX, y);
          accumulateTile(x, taps, patch, v, cb, cbEnd, tile);
          for (int j = 0; j < blocks; ++j) {
            const int k = k0 + j * 16;
            for (int i = 0; i < v.n; ++i) {
              const long pixel = (long)j * OH * OW + at + i * strideX;
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
}
