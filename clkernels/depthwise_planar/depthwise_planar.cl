// depthwise_planar, q_depthwise_words: one filter per output channel, for GPUs, over planar f32 or half, or over codes in
// blocks of four channels, where a word is four channels of a pixel.
//
//   y(n, c, oy, ox) = sum over ky, kx of weights[c, ky, kx] * x(n, c / P_M, oy * P_SY - P_PY + ky * P_DY, ox * P_SX - P_PX + kx * P_DX)
// Layouts, in elements (offsets and batch strides, too): x, y and the residual N C H W; weights [c][ky][kx]. P_OC output channels,
// P_M for each input channel. Of codes (P_CODES 1) an element is a word, c counts blocks of four channels, and P_M is 1.
// channels: multipliers, bias and slopes, a row of PLANES * 4 each.
// P_X, P_WEIGHTS, P_R, P_Y  elements of floats: float or half; of codes: char4, the residual and y float4 or char4
// An item makes T_Y outputs below each other, which share rows of x; neighbours lie along x. Tunables: T_Y.
#if P_CODES
#define PW_WIDTH 4
#else
#define PW_WIDTH 1
#endif
#include "common/activation.cl"
#include "common/operand.cl"
#if !defined(T_Y) || !defined(P_N) || !defined(P_OC) || !defined(P_M) || !defined(P_H) || !defined(P_W) || !defined(P_OH) || \
    !defined(P_OW) || !defined(P_KH) || !defined(P_KW) || !defined(P_CODES) || !defined(P_X) || !defined(P_WEIGHTS) || \
    !defined(P_Y) || !defined(P_R)
#error "depthwise_planar needs all its T_ and P_ macros"
#endif

#if P_CODES
#include "common/quant.cl"
#define PLANES ((P_OC + 3) / 4)
#define SUM int4
#define VALUE(TYPE, p, i) convert_int4((p)[i])
#define MULTIPLY_ADD(weight, value, sum) ((sum) + (value) * (weight))
#define EPILOGUE_OPERANDS \
  __global const float *restrict channels, __global const int *restrict zeroTerms, float rate, float zero,    \
      float residualScale, float residualZero, __global const P_R *restrict residual
#else
#define PLANES P_OC
#define SUM float
#define VALUE(TYPE, p, i) LOAD(TYPE, 1, p, i)
#define MULTIPLY_ADD(weight, value, sum) fma(weight, value, sum)
#define EPILOGUE_OPERANDS \
  __global const float *restrict bias, __global const P_R *restrict residual, __global const float *restrict slope
#endif
#define STRIPS ((P_OH + T_Y - 1) / T_Y)

__kernel void depthwise_planar(__global const P_X* restrict x, __global const P_WEIGHTS* restrict w, EPILOGUE_OPERANDS,
                               __global P_Y* restrict y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
                               int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_N * PLANES * STRIPS * P_OW) return;
  const int ox = i % P_OW, strip = i / P_OW % STRIPS, plane = i / (P_OW * STRIPS), c = plane % PLANES, n = plane / PLANES;
  __global const P_X* from = x + (xOffset + n * xBatch + c / P_M * (P_H * P_W));
  const int x0 = ox * P_SX - P_PX, oy0 = strip * T_Y;
  SUM acc[T_Y];
#pragma unroll
  for (int r = 0; r < T_Y; ++r) acc[r] = (SUM)(0);
#pragma unroll
  for (int ky = 0; ky < P_KH; ++ky) {
#pragma unroll
    for (int kx = 0; kx < P_KW; ++kx) {
      const SUM weight = VALUE(P_WEIGHTS, w, (c * P_KH + ky) * P_KW + kx);
      const int ix = x0 + kx * P_DX;
#pragma unroll
      for (int r = 0; r < T_Y; ++r) {
        const int iy = (oy0 + r) * P_SY - P_PY + ky * P_DY;
        const int inside = (uint)iy < (uint)P_H && (uint)ix < (uint)P_W;
        acc[r] = MULTIPLY_ADD(weight, inside ? VALUE(P_X, from, iy * P_W + ix) : (SUM)(0), acc[r]);
      }
    }
  }
#if P_CODES
  const float4 scale = vload4(c, channels), shift = biasAt(channels + PLANES * 4, c * 4),
               negative = slopeAt(channels + PLANES * 8, c * 4);
#endif
#pragma unroll
  for (int r = 0; r < T_Y; ++r) {
    const int oy = oy0 + r, at = (c * P_OH + oy) * P_OW + ox;
    if (oy >= P_OH) continue;
#if P_CODES
    float4 added = 0.0f;
#if P_HAS_RESIDUAL && P_RESIDUAL_CODED
    added = decode(residual[rOffset + n * rBatch + at], WITH_ZERO(residualScale, residualZero));
#elif P_HAS_RESIDUAL
    added = residual[rOffset + n * rBatch + at];
#endif
    float4 value = quantisedEpilogue(CORRECTED(acc[r], zeroTerms, oy * P_OW + ox, c * 4), scale, shift, added, negative);
    if (P_OC % 4 != 0) value = padLanes(value, P_OC - c * 4, WITH_ZERO(rate, zero));
#if P_CODED
    y[yOffset + n * yBatch + at] = encode(value, WITH_ZERO(rate, zero));
#else
    y[yOffset + n * yBatch + at] = value;
#endif
#else
    const float added = P_HAS_RESIDUAL ? LOAD(P_R, 1, residual, rOffset + n * rBatch + at) : 0.0f;
    STORE(P_Y, 1, epilogue(acc[r], biasAt(bias, c), added, slopeAt(slope, c)), y, yOffset + n * yBatch + at);
#endif
  }
}
