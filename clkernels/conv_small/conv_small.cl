// conv_small: convolution (or deconvolution by phases) for few output channels: every item sums T_R rows at T_P pixels alone.
//
// Rows, pixels, taps and layouts as in conv_gemm.cl; row blocks of T_R, zero-padded:
//   weights[((group * ROW_BLOCKS + block) * P_C + c) * taps * T_R + tap * T_R + r]
// P_X, P_WEIGHTS, P_R, P_Y: float or half, how x, the weights, the residual and y lie in memory.
// The work-group's T_G items take T_P * T_G pixels in turns, so that neighbours read neighbours; the weights of T_C channels
// at a time lie in local memory, read by all items at once. Tunables: T_G, T_P, T_R (a multiple of 4), T_C.
#define PW_WIDTH 1
#include "common/activation.cl"
#include "common/operand.cl"
#include "common/window.cl"
#if !defined(T_G) || !defined(T_P) || !defined(T_R) || !defined(T_C)
#error "conv_small needs T_G, T_P, T_R and T_C"
#endif
#define ROW_BLOCKS ((P_ROWS + T_R - 1) / T_R)
#define ROW4S (T_R / 4)

__attribute__((reqd_work_group_size(T_G, 1, 1))) __kernel void conv_small(
    __global const P_X* restrict x, __global const P_WEIGHTS* restrict w, __global const float* restrict bias,
    __global const P_R* restrict residual, __global const float* restrict slope, __global P_Y* restrict y, int xOffset,
    int xBatch, int yOffset, int yBatch, int rOffset, int rBatch) {
  __local float4 wl[T_C * TAPS * ROW4S];
  const int item = get_local_id(0), tile = get_group_id(0), block = get_group_id(1), group = block / ROW_BLOCKS;
  w += block * (P_C * TAPS * T_R);
  x += xOffset + group * (P_C * X_PLANE);

  Window windows[T_P];
  float acc[T_P][T_R];
#pragma unroll
  for (int p = 0; p < T_P; ++p) {
    windows[p] = windowOf((tile * T_P + p) * T_G + item, xBatch);
#pragma unroll
    for (int r = 0; r < T_R; ++r) acc[p][r] = 0.0f;
  }

  for (int first = 0; first < P_C; first += T_C) {
    const int channels = min(T_C, P_C - first);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = item; i < channels * TAPS * ROW4S; i += T_G) wl[i] = LOAD_ALIGNED(P_WEIGHTS, 4, w, (first * TAPS * ROW4S + i) * 4);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int c = 0; c < channels; ++c) {
      __global const P_X* plane = x + (first + c) * X_PLANE;
      __local const float4* wc = wl + c * TAPS * ROW4S;
#pragma unroll
      for (int ky = 0; ky < P_KH; ++ky) {
#pragma unroll
        for (int kx = 0; kx < P_KW; ++kx) {
          float v[T_P];
#pragma unroll
          for (int p = 0; p < T_P; ++p)
            v[p] = tapInside(windows[p], ky, kx) ? LOAD(P_X, 1, plane, windows[p].base + ky * P_DY * P_W + kx * P_DX) : 0.0f;
#pragma unroll
          for (int r = 0; r < ROW4S; ++r) {
            const float4 wr = wc[(ky * P_KW + kx) * ROW4S + r];
#pragma unroll
            for (int p = 0; p < T_P; ++p) {
              acc[p][r * 4] = fma(wr.s0, v[p], acc[p][r * 4]);
              acc[p][r * 4 + 1] = fma(wr.s1, v[p], acc[p][r * 4 + 1]);
              acc[p][r * 4 + 2] = fma(wr.s2, v[p], acc[p][r * 4 + 2]);
              acc[p][r * 4 + 3] = fma(wr.s3, v[p], acc[p][r * 4 + 3]);
            }
          }
        }
      }
    }
  }

#pragma unroll
  for (int p = 0; p < T_P; ++p) {
    const int pixel = (tile * T_P + p) * T_G + item, n = pixel / Q_PLANE, q = pixel - n * Q_PLANE;
#pragma unroll
    for (int r = 0; r < T_R; ++r) {
      const int row = block % ROW_BLOCKS * T_R + r, all = group * P_ROWS + row, c = channelOf(all);
      const int i = indexOf(all, q);
      if (row < P_ROWS && pixel < P_PIXELS && i >= 0) {
        const float added = P_HAS_RESIDUAL ? LOAD(P_R, 1, residual, rOffset + n * rBatch + i) : 0.0f;
        STORE(P_Y, 1, epilogue(acc[p][r], biasAt(bias, c), added, slopeAt(slope, c)), y, yOffset + n * yBatch + i);
      }
    }
  }
}
