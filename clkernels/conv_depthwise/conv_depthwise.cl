// conv_depthwise: convolution with as many groups as channels, for CPUs, f32. A work-item computes some rows of one block
// of 16 channels, T_TX pixels at a time in as many vector registers.
//
// Layouts (offsets, strides in elements; x, y and the residual in blocks of 16 channels):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16; y and the residual with OH, OW
//   w  [C / 16][KH][KW][16], then 16 zeros, which stand for pixels outside the input
// P_STEP  stride in x
#if !defined(T_TX) || !defined(P_STEP)
#error "conv_depthwise needs T_TX and P_STEP"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"

// One row of taps added to T_TX accumulators. `edge`: columns may be outside the input; a constant where inlined.
static inline void addRow(float16* acc, __global const float* row, __global const float* taps,
                          __global const float* zeros, int left, int W, int KW, int DX, bool edge) {
  for (int kx = 0; kx < KW; ++kx) {
    const float16 tap = vload16(kx, taps);
    const int first = left + kx * DX;
#pragma unroll
    for (int i = 0; i < T_TX; ++i) {
      const int ix = first + i * P_STEP;
      const bool inside = !edge || (ix >= 0 && ix < W);
      acc[i] = fma(vload16(0, inside ? row + (long)ix * 16 : zeros), tap, acc[i]);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_depthwise(
    __global const float* x, __global const float* w, __global const float* bias, __global const float* residual,
    __global const float* slope, __global float* y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
    int rBatch, int C, int H, int W, int OH, int OW, int KH, int KW, int strideY, int DY, int DX, int padY, int padX,
    int rows) {
  const int yBegin = get_global_id(0) * rows, yEnd = min(OH, yBegin + rows);
  const int block = get_global_id(1), item = get_global_id(2), c = block * 16;
  x += xOffset + (long)item * xBatch + (long)c * H * W;
  y += yOffset + (long)item * yBatch + (long)c * OH * OW;
  residual += rOffset + (long)item * rBatch + (long)c * OH * OW;
  __global const float* zeros = w + (long)get_global_size(1) * KH * KW * 16;
  w += (long)block * KH * KW * 16;

  for (int oy = yBegin; oy < yEnd; ++oy) {
    for (int ox = 0; ox < OW; ox += T_TX) {
      const int left = ox * P_STEP - padX;
      const bool edge = left < 0 || left + (T_TX - 1) * P_STEP + (KW - 1) * DX >= W;
      float16 acc[T_TX];
#pragma unroll
      for (int i = 0; i < T_TX; ++i) acc[i] = 0.0f;
      for (int ky = 0; ky < KH; ++ky) {
        const int iy = oy * strideY - padY + ky * DY;
        if (iy < 0 || iy >= H) continue;
        __global const float* row = x + (long)iy * W * 16;
        __global const float* taps = w + ky * KW * 16;
        if (edge)
          addRow(acc, row, taps, zeros, left, W, KW, DX, true);
        else
          addRow(acc, row, taps, zeros, left, W, KW, DX, false);
      }
      const long at = (long)oy * OW + ox;
#pragma unroll
      for (int i = 0; i < T_TX; ++i)
        if (ox + i < OW)
          vstore16(maskLanes(epilogueAt(acc[i], c, (at + i) * 16, bias, residual, slope), C - c), at + i, y);
    }
  }
}
