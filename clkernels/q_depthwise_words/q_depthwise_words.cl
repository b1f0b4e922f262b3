// q_depthwise_words: INT8, one filter per channel, for GPUs. Codes in blocks of four channels: a word is four channels of a
// pixel.
//
//   y(n, c, oy, ox) = sum over ky, kx of weights[c, ky, kx] * x(n, c, oy * P_SY - P_PY + ky * P_DY, ox * P_SX - P_PX + kx * P_DX)
// Layouts, in words (offsets and batch strides, too): x, y and the residual [c / 4][position]; weights[c / 4][ky][kx].
// channels: multipliers, bias and slopes, a row of WORDS * 4 each.
// An item makes T_Y outputs below each other of one word of channels, which share rows of x; neighbours lie along x.
// Sums are 32-bit; epilogue by common/quant.cl. Tunables: T_Y.
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/quant.cl"
#if !defined(T_Y) || !defined(P_N) || !defined(P_CHANNELS) || !defined(P_H) || !defined(P_W) || !defined(P_OH) || \
    !defined(P_OW) || !defined(P_KH) || !defined(P_KW)
#error "q_depthwise_words needs all its T_ and P_ macros"
#endif
#define STRIPS ((P_OH + T_Y - 1) / T_Y)
#define WORDS ((P_CHANNELS + 3) / 4)
#define RESULT4 PW_CAT(Q_RESULT_, P_CODED)
#define Q_RESULT_0 float4
#define Q_RESULT_1 char4
#define RESIDUAL4 PW_CAT(Q_RESULT_, P_RESIDUAL_CODED)

__kernel void q_depthwise_words(__global const char4* restrict x, __global const char4* restrict w,
                                __global const float* restrict channels, __global const RESIDUAL4* restrict residual,
                                __global RESULT4* restrict y, float rate, float residualScale, int xOffset, int xBatch,
                                int yOffset, int yBatch, int rOffset, int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_N * WORDS * STRIPS * P_OW) return;
  const int ox = i % P_OW, strip = i / P_OW % STRIPS, plane = i / (P_OW * STRIPS), c = plane % WORDS, n = plane / WORDS;
  x += xOffset + n * xBatch + c * (P_H * P_W);
  w += c * (P_KH * P_KW);
  const int x0 = ox * P_SX - P_PX, oy0 = strip * T_Y;
  int4 acc[T_Y];
#pragma unroll
  for (int r = 0; r < T_Y; ++r) acc[r] = 0;
#pragma unroll
  for (int ky = 0; ky < P_KH; ++ky) {
#pragma unroll
    for (int kx = 0; kx < P_KW; ++kx) {
      const int4 weight = convert_int4(w[ky * P_KW + kx]);
      const int ix = x0 + kx * P_DX;
#pragma unroll
      for (int r = 0; r < T_Y; ++r) {
        const int iy = (oy0 + r) * P_SY - P_PY + ky * P_DY;
        if ((uint)iy < (uint)P_H && (uint)ix < (uint)P_W) acc[r] += convert_int4(x[iy * P_W + ix]) * weight;
      }
    }
  }
  const float4 scale = vload4(c, channels), shift = biasAt(channels + WORDS * 4, c * 4),
               negative = slopeAt(channels + WORDS * 8, c * 4);
#pragma unroll
  for (int r = 0; r < T_Y; ++r) {
    const int oy = oy0 + r, at = (c * P_OH + oy) * P_OW + ox;
    if (oy >= P_OH) continue;
    float4 added = 0.0f;
#if P_HAS_RESIDUAL && P_RESIDUAL_CODED
    added = decode(residual[rOffset + n * rBatch + at], residualScale);
#elif P_HAS_RESIDUAL
    added = residual[rOffset + n * rBatch + at];
#endif
    float4 value = quantisedEpilogue(acc[r], scale, shift, added, negative);
    if (P_CHANNELS % 4 != 0) value = maskLanes(value, P_CHANNELS - c * 4);
#if P_CODED
    y[yOffset + n * yBatch + at] = encode(value, rate);
#else
    y[yOffset + n * yBatch + at] = value;
#endif
  }
}
