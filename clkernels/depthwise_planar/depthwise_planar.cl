// depthwise_planar: one filter per output channel over planar activations, for GPUs.
//
//   y(n, c, oy, ox) = sum over ky, kx of weights[c, ky, kx] * x(n, c / P_M, oy * P_SY - P_PY + ky * P_DY, ox * P_SX - P_PX + kx * P_DX)
// Layouts: x, y and the residual planar N C H W with offsets and batch strides as arguments, in elements; weights as the model has
// them, [P_OC][P_KH][P_KW]; P_M output channels per input channel.
// An item makes T_Y outputs below each other, which share rows of x; neighbours lie along x. Tunables: T_Y.
#define PW_WIDTH 1
#include "common/activation.cl"
#include "common/storage.cl"
#if !defined(T_Y) || !defined(P_N) || !defined(P_OC) || !defined(P_M) || !defined(P_H) || !defined(P_W) || !defined(P_OH) || \
    !defined(P_OW) || !defined(P_X) || !defined(P_WT) || !defined(P_Y) || !defined(P_R)
#error "depthwise_planar needs all its T_ and P_ macros"
#endif
#define STRIPS ((P_OH + T_Y - 1) / T_Y)

__kernel void depthwise_planar(__global const P_X* restrict x, __global const P_WT* restrict w,
                               __global const float* restrict bias, __global const P_R* restrict residual,
                               __global const float* restrict slope, __global P_Y* restrict y, int xOffset, int xBatch,
                               int yOffset, int yBatch, int rOffset, int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_N * P_OC * STRIPS * P_OW) return;
  const int ox = i % P_OW, strip = i / P_OW % STRIPS, plane = i / (P_OW * STRIPS), c = plane % P_OC, n = plane / P_OC;
  __global const P_X* from = x + (xOffset + n * xBatch + c / P_M * (P_H * P_W));
  const int x0 = ox * P_SX - P_PX, oy0 = strip * T_Y;
  float acc[T_Y];
#pragma unroll
  for (int r = 0; r < T_Y; ++r) acc[r] = 0.0f;
#pragma unroll
  for (int ky = 0; ky < P_KH; ++ky) {
#pragma unroll
    for (int kx = 0; kx < P_KW; ++kx) {
      const float weight = LOAD1(P_WT, w, (c * P_KH + ky) * P_KW + kx);
      const int ix = x0 + kx * P_DX;
#pragma unroll
      for (int r = 0; r < T_Y; ++r) {
        const int iy = (oy0 + r) * P_SY - P_PY + ky * P_DY;
        const int inside = (uint)iy < (uint)P_H && (uint)ix < (uint)P_W;
        acc[r] = fma(weight, inside ? LOAD1(P_X, from, iy * P_W + ix) : 0.0f, acc[r]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < T_Y; ++r) {
    const int oy = oy0 + r, at = (c * P_OH + oy) * P_OW + ox;
    if (oy < P_OH) {
      const float added = P_HAS_RESIDUAL ? LOAD1(P_R, residual, rOffset + n * rBatch + at) : 0.0f;
      STORE1(P_Y, epilogue(acc[r], biasAt(bias, c), added, slopeAt(slope, c)), y, yOffset + n * yBatch + at);
    }
  }
}
