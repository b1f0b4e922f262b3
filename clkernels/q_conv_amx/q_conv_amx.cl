// q_conv_amx: INT8 convolution over blocks of 16 channels on CPUs with AMX (common/amx.cl). A work-item takes a region of
// `rows` x `columns` output pixels and `share` tiles of 32 output channels. It copies the region's input to `patch`, 64 channels of
// a pixel side by side and zeros around the image, which the tile registers read rows from; two tiles of up to 16 pixels times two of
// 16 channels are summed up at a time.
//
// Layouts (offsets, strides in elements):
//   x      xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16
//   y      yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise
//   w      [tile of 32 channels][c / 64][KH][KW][c % 64 / 4][32][4], zero-padded
//   patch  [c / 64][patchRows][span][64]
// A 1x1 convolution of stride 1 comes with all its pixels as one row. Rows and columns that no tap reads are left out of the
// patch where there is one tap: stepY and stepX are then the strides, and 1 elsewhere.
// tile: pixels of a tile of sums.
#include "common/finish.cl"
#include "common/amx.cl"
#define DEPTH 64
#define WIDE 32

// Codes of one row of the patch: `count` pixels, of which those in [first, end) are inside the image.
static inline void copyRow(__global const char* row, int blocks, int plane, int stepX, int first, int end, int count,
                           __local char* to) {
  for (int q = 0; q < DEPTH / 16; ++q, to += 16, row += (long)plane * 16) {
    const int from = q < blocks ? first : count, until = q < blocks ? end : count;
    for (int i = 0; i < from; ++i) vstore16((char16)(0), 0, to + i * DEPTH);
    for (int i = from; i < until; ++i) vstore16(vload16(i * stepX, row), 0, to + i * DEPTH);
    for (int i = until; i < count; ++i) vstore16((char16)(0), 0, to + i * DEPTH);
  }
}

// Sums of one or two tiles of pixels, whose first taps are at a0 and a1, over all taps and channels.
static inline void addTaps(__local const char* a0, __local const char* a1, bool two, __global const char* w, int depth, int KH,
                           int KW, int tapRow, int tapColumn, int depthStep, int pixelStep) {
  CLEAR_TILE(0);
  CLEAR_TILE(1);
  CLEAR_TILE(2);
  CLEAR_TILE(3);
  for (int cb = 0; cb < depth; ++cb)
    for (int ky = 0; ky < KH; ++ky) {
      int at = cb * depthStep + ky * tapRow;
      for (int kx = 0; kx < KW; ++kx, at += tapColumn, w += DEPTH * WIDE) {
        LOAD_TILE(6, w, WIDE * 4);
        LOAD_TILE(4, a0 + at, pixelStep);
        LOAD_TILE(7, w + 64, WIDE * 4);
        MULTIPLY_TILES(0, 4, 6);
        MULTIPLY_TILES(1, 4, 7);
        if (!two) continue;
        LOAD_TILE(5, a1 + at, pixelStep);
        MULTIPLY_TILES(2, 5, 6);
        MULTIPLY_TILES(3, 5, 7);
      }
    }
}

// Epilogue and store of `n` pixels from position `at` on.
static inline void storePixels(const int* sums, const Finish finish, int k, int K, int at, int n, int plane, __global P_Y* y) {
  for (int i = 0; i < n; ++i) {
    const long element = (long)k * plane + (long)(at + i) * 16;
    storeFinished(finished(vload16(i, sums), finish, k, K, at + i, element), finish, y, element);
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void q_conv_amx(
    __global const char* x, __global const char* w, FINISH_OPERANDS, __global P_Y* y, __local char* patch, int xOffset,
    int xBatch, int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int OH, int OW, int KH, int KW,
    int strideY, int strideX, int stepY, int stepX, int DY, int DX, int padY, int padX, int tile, int rows, int columns,
    int patchRows, int span, int share) {
  const int region = get_global_id(0), item = get_global_id(2), regionsX = (OW + columns - 1) / columns;
  const int xBegin = region % regionsX * columns, xEnd = min(OW, xBegin + columns);
  const int yBegin = region / regionsX * rows, yEnd = min(OH, yBegin + rows);
  const int depth = (C + DEPTH - 1) / DEPTH, cBlocks = (C + 15) / 16, plane = H * W;
  x += xOffset + (long)item * xBatch;
  y += yOffset + (long)item * yBatch;
  Finish finish = FINISH;
  finish.residual += rOffset + (long)item * rBatch;

  const int top = yBegin * strideY - padY, left = xBegin * strideX - padX;
  const int usedRows = (yEnd - yBegin - 1) * strideY / stepY + (KH - 1) * DY + 1;
  const int used = (xEnd - xBegin - 1) * strideX / stepX + (KW - 1) * DX + 1;
  const int first = clamp((stepX - 1 - left) / stepX, 0, used), end = clamp((W - left + stepX - 1) / stepX, first, used);
  for (int cb = 0; cb < depth; ++cb)
    for (int r = 0; r < usedRows; ++r) {
      const int iy = top + r * stepY;
      const bool inside = iy >= 0 && iy < H;
      __global const char* row = x + ((long)cb * (DEPTH / 16) * plane + (long)iy * W + left) * 16;
      copyRow(row, cBlocks - cb * (DEPTH / 16), plane, stepX, inside ? first : used, inside ? end : used, used,
              patch + (cb * patchRows + r) * span * DEPTH);
    }

  configureTiles(tile);
  const int tilesX = (xEnd - xBegin + tile - 1) / tile, tiles = tilesX * (yEnd - yBegin);
  const int tileRow = strideY / stepY * span * DEPTH, tilePixel = strideX / stepX * DEPTH;
  const int kTiles = (K + WIDE - 1) / WIDE, kEnd = min(kTiles, ((int)get_global_id(1) + 1) * share);
  int sums[4 * 16 * 16] __attribute__((aligned(64)));
  for (int kt = get_global_id(1) * share; kt < kEnd; ++kt)
    for (int t = 0; t < tiles; t += 2) {
      const bool two = t + 1 < tiles;
      const int y0 = t / tilesX, x0 = t % tilesX * tile, y1 = (t + two) / tilesX, x1 = (t + two) % tilesX * tile;
      addTaps(patch + y0 * tileRow + x0 * tilePixel, patch + y1 * tileRow + x1 * tilePixel, two,
              w + (long)kt * depth * KH * KW * DEPTH * WIDE, depth, KH, KW, DY * span * DEPTH, DX * DEPTH,
              patchRows * span * DEPTH, tilePixel);
      STORE_TILE(0, sums);
      STORE_TILE(1, sums + 256);
      STORE_TILE(2, sums + 512);
      STORE_TILE(3, sums + 768);
      for (int j = 0; j < 2 && kt * WIDE + j * 16 < K; ++j) {
        const int k = kt * WIDE + j * 16;
        storePixels(sums + j * 256, finish, k, K, (yBegin + y0) * OW + xBegin + x0, min(tile, xEnd - xBegin - x0), OH * OW, y);
        if (two)
          storePixels(sums + 512 + j * 256, finish, k, K, (yBegin + y1) * OW + xBegin + x1, min(tile, xEnd - xBegin - x1), OH * OW,
                      y);
      }
    }
  releaseTiles();
}
