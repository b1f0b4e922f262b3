// pool_blocks: maximum of the cells under a sliding window, over blocks of 16 channels, for CPUs. A work-item computes some rows
// of a block; windows that lie inside the image are taken without tests.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16; y likewise with OH, OW
// P_TYPE      element type: float, half or char
// P_KH, P_KW  extents of the window
// P_WHOLE     1: integers, which have no infinity for a window beside the image
#if !defined(P_TYPE) || !defined(P_KH) || !defined(P_KW) || !defined(P_WHOLE)
#error "pool_blocks needs P_TYPE, P_KH, P_KW and P_WHOLE"
#endif
#include "common/operand.cl"
#define VALUE NUMBERS(P_TYPE, 16)
#if P_WHOLE
#define NOTHING (VALUE)(0)
#else
#define NOTHING (VALUE)(-INFINITY)
#endif

// NaN stays, and of equals the first.
static inline VALUE greater(VALUE result, VALUE v) {
#if P_WHOLE
  return max(result, v);
#else
  return v > result || v != v ? v : result;
#endif
}

// The cell in row iy and column ix.
static inline VALUE cellAt(__global const P_TYPE* plane, int W, int iy, int ix) {
  return LOAD_NUMBERS(P_TYPE, 16, plane, ((long)iy * W + ix) * 16);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void pool_blocks(
    __global const P_TYPE* x, __global P_TYPE* y, int H, int W, int OH, int OW, int strideY, int strideX, int DY, int DX, int padY,
    int padX, int rows, int xOffset, int xBatch, int yOffset, int yBatch) {
  const int block = get_global_id(1), item = get_global_id(2);
  const int yBegin = get_global_id(0) * rows, yEnd = min(OH, yBegin + rows);
  __global const P_TYPE* plane = x + xOffset + (long)item * xBatch + (long)block * H * W * 16;
  y += yOffset + (long)item * yBatch + (long)block * OH * OW * 16;
  for (int oy = yBegin; oy < yEnd; ++oy) {
    const int top = oy * strideY - padY;
    const bool rowsInside = top >= 0 && top + (P_KH - 1) * DY < H;
    for (int ox = 0; ox < OW; ++ox) {
      const int left = ox * strideX - padX;
      VALUE result = NOTHING;
      if (rowsInside && left >= 0 && left + (P_KW - 1) * DX < W) {
        result = cellAt(plane, W, top, left);
#pragma unroll
        for (int k = 1; k < P_KH * P_KW; ++k)
          result = greater(result, cellAt(plane, W, top + k / P_KW * DY, left + k % P_KW * DX));
      } else {
        bool found = false;
        for (int k = 0; k < P_KH * P_KW; ++k) {
          const int iy = top + k / P_KW * DY, ix = left + k % P_KW * DX;
          if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
          const VALUE v = cellAt(plane, W, iy, ix);
          result = found ? greater(result, v) : v;
          found = true;
        }
      }
      STORE_NUMBERS(P_TYPE, 16, result, y, ((long)oy * OW + ox) * 16);
    }
  }
}
