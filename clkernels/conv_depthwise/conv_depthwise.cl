// conv_depthwise, q_conv_depthwise: convolution with as many groups as channels, for CPUs, f32, half or INT8. A work-item
// computes some rows of one block of 16 channels, T_TX pixels at a time.
//
// Layouts (offsets, strides in elements; x, y and the residual in blocks of 16 channels):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16; y and the residual with OH, OW
//   w  [C / 16][KH][KW][16], then 16 zeros, which stand for pixels outside the input
//      in words (P_WORDS), of 32 bits: [C / 16]([P_SHARE][groups][KW][16], then 16 corrections), then 16 zeros
// P_STEP   stride in x
// P_WORDS  1: codes of four rows are a word, which one vpdpbusd multiplies by the weights of a column; 0: see addRow
// P_CODES, P_X, P_WEIGHTS, P_R, P_Y, D_STREAM  see common/finish.cl
#if !defined(T_TX) || !defined(P_STEP) || !defined(P_WORDS)
#error "conv_depthwise needs T_TX, P_STEP and P_WORDS"
#endif
#include "common/finish.cl"

// What a work-item sees: a block of 16 channels of one batch item.
typedef struct {
  __global const P_X *x, *zeros;
  __global const P_WEIGHTS* w;
  int c, C, H, W, OH, OW, KH, KW, strideY, DY, DX, padY, padX;
} Depthwise;

#if P_WORDS
#include "conv_depthwise/depthwise_words.cl"
#else
#define WEIGHTS_OF_BLOCK(KH, KW) ((KH) * (KW) * 16)
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

// The outputs [yBegin, yEnd) of a block.
static inline void makeRows(const Depthwise d, const Finish finish, int yBegin, int yEnd, __global P_Y* y) {
  for (int oy = yBegin; oy < yEnd; ++oy) {
    for (int ox = 0; ox < d.OW; ox += T_TX) {
      const int left = ox * P_STEP - d.padX;
      const bool edge = left < 0 || left + (T_TX - 1) * P_STEP + (d.KW - 1) * d.DX >= d.W;
      SUMS acc[T_TX];
#pragma unroll
      for (int i = 0; i < T_TX; ++i) acc[i] = 0;
      for (int ky = 0; ky < d.KH; ++ky) {
        const int iy = oy * d.strideY - d.padY + ky * d.DY;
        if (iy < 0 || iy >= d.H) continue;
        __global const P_X* row = d.x + (long)iy * d.W * 16;
        __global const P_WEIGHTS* taps = d.w + ky * d.KW * 16;
        if (edge)
          addRow(acc, row, taps, d.zeros, left, d.W, d.KW, d.DX, true);
        else
          addRow(acc, row, taps, d.zeros, left, d.W, d.KW, d.DX, false);
      }
#pragma unroll
      for (int i = 0; i < T_TX; ++i) {
        if (ox + i >= d.OW) continue;
        const long at = ((long)oy * d.OW + ox + i) * 16;
        storeFinished(finished(acc[i], finish, d.c, d.C, oy * d.OW + ox + i, at), finish, y, at);
      }
    }
  }
}
#endif

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
  const long weights = WEIGHTS_OF_BLOCK(KH, KW);
  const Depthwise d = {x,  w + get_global_size(1) * weights, w + block * weights, c,  C,    H,   W, OH, OW, KH,
                       KW, strideY,                          DY,                  DX, padY, padX};
  makeRows(d, finish, yBegin, yEnd, y);
}
