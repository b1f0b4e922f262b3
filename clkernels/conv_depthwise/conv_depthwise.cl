// conv_depthwise, q_conv_depthwise: convolution with as many groups as channels, for CPUs, f32, half or INT8. A work-item
// computes some rows of one block of 16 channels, T_TX pixels at a time.
//
// Layouts (offsets, strides in elements; x, y and the residual in blocks of 16 channels):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16; y and the residual with OH, OW
//   w  [C / 16][KH][KW][16], then 16 zeros, which stand for pixels outside the input
// P_STEP  stride in x
// P_CODES, P_X, P_WEIGHTS, P_R, P_Y, D_STREAM  see common/finish.cl
#if !defined(T_TX) || !defined(P_STEP)
#error "conv_depthwise needs T_TX and P_STEP"
#endif
#include "common/finish.cl"

#if P_CODES
// Products of a code and a weight and sums of two fit 16 bits (2 * 128 * 127 < 2^15), so taps are taken in pairs.
#define VALUE16 short16
static inline short16 valuesAt(__global const char* p) { return convert_short16(vload16(0, p)); }
#else
#define VALUE16 float16
static inline float16 valuesAt(__global const P_X* p) { return LOAD(P_X, 16, p, 0); }
#endif

// The pixel at column ix of a row. `edge`: columns may be outside the input; a constant where inlined.
static inline VALUE16 pixelAt(__global const P_X* row, __global const P_X* zeros, int ix, int W, bool edge) {
  const bool inside = !edge || (ix >= 0 && ix < W);
  return valuesAt(inside ? row + (long)ix * 16 : zeros);
}

// One row of taps added to T_TX accumulators.
static inline void addRow(SUMS* acc, __global const P_X* row, __global const P_X* taps, __global const P_X* zeros, int left,
                          int W, int KW, int DX, bool edge) {
  int kx = 0;
#if P_CODES
  for (; kx + 2 <= KW; kx += 2) {
    const short16 tap = valuesAt(taps + kx * 16), next = valuesAt(taps + kx * 16 + 16);
#pragma unroll
    for (int i = 0; i < T_TX; ++i) {
      const int ix = left + i * P_STEP + kx * DX;
      acc[i] += convert_int16((short16)(pixelAt(row, zeros, ix, W, edge) * tap + pixelAt(row, zeros, ix + DX, W, edge) * next));
    }
  }
#endif
  for (; kx < KW; ++kx) {
    const VALUE16 tap = valuesAt(taps + kx * 16);
#pragma unroll
    for (int i = 0; i < T_TX; ++i) {
      const VALUE16 pixel = pixelAt(row, zeros, left + i * P_STEP + kx * DX, W, edge);
#if P_CODES
      acc[i] += convert_int16((short16)(pixel * tap));
#else
      acc[i] = fma(pixel, tap, acc[i]);
#endif
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_depthwise(
    __global const P_X* x, __global const P_WEIGHTS* w, FINISH_OPERANDS, __global P_Y* y, int xOffset, int xBatch,
    int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W, int OH, int OW, int KH, int KW, int strideY,
    int DY, int DX, int padY, int padX, int rows) {
  const int yBegin = get_global_id(0) * rows, yEnd = min(OH, yBegin + rows);
  const int block = get_global_id(1), item = get_global_id(2), c = block * 16;
  x += xOffset + (long)item * xBatch + (long)c * H * W;
  y += yOffset + (long)item * yBatch + (long)c * OH * OW;
  Finish finish = FINISH;
  finish.residual += rOffset + (long)item * rBatch + (long)c * OH * OW;
  __global const P_WEIGHTS* zeros = w + (long)get_global_size(1) * KH * KW * 16;
  w += (long)block * KH * KW * 16;

  for (int oy = yBegin; oy < yEnd; ++oy) {
    for (int ox = 0; ox < OW; ox += T_TX) {
      const int left = ox * P_STEP - padX;
      const bool edge = left < 0 || left + (T_TX - 1) * P_STEP + (KW - 1) * DX >= W;
      SUMS acc[T_TX];
#pragma unroll
      for (int i = 0; i < T_TX; ++i) acc[i] = 0;
      for (int ky = 0; ky < KH; ++ky) {
        const int iy = oy * strideY - padY + ky * DY;
        if (iy < 0 || iy >= H) continue;
        __global const P_X* row = x + (long)iy * W * 16;
        __global const P_WEIGHTS* taps = w + ky * KW * 16;
        if (edge)
          addRow(acc, row, taps, zeros, left, W, KW, DX, true);
        else
          addRow(acc, row, taps, zeros, left, W, KW, DX, false);
      }
#pragma unroll
      for (int i = 0; i < T_TX; ++i) {
        if (ox + i >= OW) continue;
        const long at = ((long)oy * OW + ox + i) * 16;
        storeFinished(finished(acc[i], finish, c, C, oy * OW + ox + i, at), finish, y, at);
      }
    }
  }
}
