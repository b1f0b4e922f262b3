// q_conv_depthwise: INT8 convolution with as many groups as channels, for CPUs. A work-item computes some rows of one block
// of 16 channels, T_TX pixels at a time. Epilogue: common/quant.cl.
//
// Products of two codes and sums of two products fit 16 bits (2 * 127 * 127 < 2^15), so taps are taken in pairs.
//
// Layouts (offsets, strides in elements; x, y and the residual in blocks of 16 channels):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16; y and the residual with OH, OW
//   w  [C / 16][KH][KW][16], then 16 zeros, which stand for pixels outside the input
// P_STEP  stride in x
#if !defined(T_TX) || !defined(P_STEP)
#error "q_conv_depthwise needs T_TX and P_STEP"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"
#include "common/quant.cl"

static inline short16 productAt(__global const char* row, __global const char* zeros, int ix, int W, short16 tap,
                                bool edge) {
  const bool inside = !edge || (ix >= 0 && ix < W);
  return convert_short16(vload16(0, inside ? row + (long)ix * 16 : zeros)) * tap;
}

// One row of taps added to T_TX accumulators. `edge`: columns may be outside the input; a constant where inlined.
static inline void addRow(int16* acc, __global const char* row, __global const char* taps, __global const char* zeros,
                          int left, int W, int KW, int DX, bool edge) {
  int kx = 0;
  for (; kx + 2 <= KW; kx += 2) {
    const short16 tap = convert_short16(vload16(kx, taps)), next = convert_short16(vload16(kx + 1, taps));
#pragma unroll
    for (int i = 0; i < T_TX; ++i) {
      const int ix = left + i * P_STEP + kx * DX;
      acc[i] += convert_int16((short16)(productAt(row, zeros, ix, W, tap, edge) +
                                        productAt(row, zeros, ix + DX, W, next, edge)));
    }
  }
  if (kx < KW) {
    const short16 tap = convert_short16(vload16(kx, taps));
#pragma unroll
    for (int i = 0; i < T_TX; ++i)
      acc[i] += convert_int16(productAt(row, zeros, left + i * P_STEP + kx * DX, W, tap, edge));
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void q_conv_depthwise(
    __global const char* x, __global const char* w, __global const float* multiplier, __global const float* bias,
    __global const Q_RESIDUAL* residual, __global const float* slope, __global Q_RESULT* y, float rate,
    float residualScale, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W,
    int OH, int OW, int KH, int KW, int strideY, int DY, int DX, int padY, int padX, int rows) {
  const int yBegin = get_global_id(0) * rows, yEnd = min(OH, yBegin + rows);
  const int block = get_global_id(1), item = get_global_id(2), c = block * 16;
  x += xOffset + (long)item * xBatch + (long)c * H * W;
  y += yOffset + (long)item * yBatch + (long)c * OH * OW;
  residual += rOffset + (long)item * rBatch + (long)c * OH * OW;
  __global const char* zeros = w + (long)get_global_size(1) * KH * KW * 16;
  w += (long)block * KH * KW * 16;
  const float16 scale = vload16(0, multiplier + c), shift = biasAt(bias, c), negative = slopeAt(slope, c);

  for (int oy = yBegin; oy < yEnd; ++oy) {
    for (int ox = 0; ox < OW; ox += T_TX) {
      const int left = ox * P_STEP - padX;
      const bool edge = left < 0 || left + (T_TX - 1) * P_STEP + (KW - 1) * DX >= W;
      int16 acc[T_TX];
#pragma unroll
      for (int i = 0; i < T_TX; ++i) acc[i] = 0;
      for (int ky = 0; ky < KH; ++ky) {
        const int iy = oy * strideY - padY + ky * DY;
        if (iy < 0 || iy >= H) continue;
        __global const char* row = x + (long)iy * W * 16;
        __global const char* taps = w + ky * KW * 16;
        if (edge)
          addRow(acc, row, taps, zeros, left, W, KW, DX, true);
        else
          addRow(acc, row, taps, zeros, left, W, KW, DX, false);
      }
      const int at = oy * OW + ox;
#pragma unroll
      for (int i = 0; i < T_TX; ++i) {
        if (ox + i >= OW) continue;
        const float16 added = P_HAS_RESIDUAL ? loadResidual(residual, (at + i) * 16, residualScale) : (float16)(0.0f);
        const float16 value = quantisedEpilogue(acc[i], scale, shift, added, negative);
        storeResult(c + 16 <= C ? value : maskLanes(value, C - c), y, (at + i) * 16, rate);
      }
    }
  }
}
