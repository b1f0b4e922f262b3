// conv_gemm: convolution as a matrix product that gathers its right operand on the fly (implicit GEMM).
//
//   out[row, pixel] = sum over k of weights[k, row] * x[k, pixel]
//   row    output channel of one group (deconvolution: channel and output phase, see P_UY)
//   pixel  (n * P_QH + qy) * P_QW + qx, the batch's output positions flattened
//   k      input channel c and tap (ky, kx); x[k, pixel] = x(n, c, qy * P_SY - P_PY + ky * P_DY, qx * P_SX - P_PX + kx * P_DX),
//          zero outside. T_FLAT 0: tiles of T_K channels at one tap, taps innermost: k = (c / T_K * taps + tap) * T_K + c % T_K,
//          channels rounded up to T_K. T_FLAT 1: k = c * taps + tap, rounded up to T_K; `table[k]` holds (offset in x, ky | kx << 5).
// Layouts: x, y and the residual planar N C H W, with offsets and batch strides as arguments, in elements.
//   weights[(group * P_TILES * T_K + k) * P_ROWS4 + row], rows beyond P_ROWS and k beyond the sum zero.
//   partial[(split * P_GROUPS * P_ROWS + group * P_ROWS + row) * P_PIXELS4 + pixel], sums of T_SPLIT > 1 parts of k; T_SUM 0: a second
//     kernel adds them, T_SUM 1: the last work-group of a tile does, and conv_gemm/split_sum.cl says how they lie.
// P_X, P_WEIGHTS, P_R, P_Y: float or half, how x, the weights, the residual and y lie in memory; sums and local memory are float.
// P_UY, P_UX: row = (c * P_UY + py) * P_UX + px goes to channel c at (qy * P_UY + py - P_OY, qx * P_UX + px - P_OX); P_UY = P_UX = 1,
//   P_OY = P_OX = 0 is the plain convolution.
// P_STORE: 0 single elements, 1 vectors of four pixels (all strides multiples of 4), 2 vectors of four rows (P_UX a multiple of 4).
//
// A work-group makes T_M rows x T_N pixels (conv_gemm/gemm_loop.cl). Tiles of k pass through local memory: T_ASYNC 0 through
// registers, two tiles; T_ASYNC >= 2 that many tiles with NVIDIA's asynchronous copies.
// Tunables: T_M, T_N, T_K, T_WM, T_WN, T_VX (pixels per load of x; 4 only where taps never straddle), T_FLAT, T_SPLIT, T_SUM,
//   T_ASYNC.
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/operand.cl"

#ifndef P_STORE
#error "conv_gemm needs P_STORE"
#endif
#define GEMM_T float
#define GEMM_T4 float4
#define GEMM_MAC(a, b, sum) fma(a, b, sum)
#define LOAD_X1(p, i) LOAD(P_X, 1, p, i)
#define LOAD_X4(p, i) LOAD_ALIGNED(P_X, 4, p, i)
#define LOAD_W4(p, i) LOAD_ALIGNED(P_WEIGHTS, 4, p, i)
#define W_PITCH (T_M / 4)
#define X_PITCH (T_N / 4)
#include "common/gemm_tile.cl"
#include "conv_gemm/gemm_loop.cl"
#include "conv_gemm/split_sum.cl"
#include "conv_gemm/gemm_part.cl"

static inline float channelSlope(Output out, int c) {
#if P_SLOPE == 2
  return out.slope[c];
#elif P_SLOPE == 1
  return out.slope[0];
#else
  return 0.0f;
#endif
}

// Epilogue and store of four pixels of a row.
static inline void storePixels(float4 value, int row, int pixel, Output out) {
  const int c = channelOf(row);
  const float bias = P_HAS_BIAS ? out.bias[c] : 0.0f, slope = channelSlope(out, c);
#if P_STORE == 1
  const int n = pixel / Q_PLANE, i = row * Q_PLANE + pixel - n * Q_PLANE;
  if (pixel >= P_PIXELS) return;
  const float4 residual = P_HAS_RESIDUAL ? LOAD_ALIGNED(P_R, 4, out.residual, out.rOffset + n * out.rBatch + i) : (float4)(0.0f);
  STORE_ALIGNED(P_Y, 4, epilogue(value, (float4)(bias), residual, (float4)(slope)), out.y, out.yOffset + n * out.yBatch + i);
#else
  float lanes[4], residual[4];
  int to[4];
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const int n = (pixel + l) / Q_PLANE, i = indexOf(row, pixel + l - n * Q_PLANE);
    const int inside = pixel + l < P_PIXELS && i >= 0;
    to[l] = inside ? out.yOffset + n * out.yBatch + i : -1;
    residual[l] = P_HAS_RESIDUAL && inside ? LOAD(P_R, 1, out.residual, out.rOffset + n * out.rBatch + i) : 0.0f;
  }
  const float4 result =
      epilogue(value, (float4)(bias), (float4)(residual[0], residual[1], residual[2], residual[3]), (float4)(slope));
  lanes[0] = result.s0, lanes[1] = result.s1, lanes[2] = result.s2, lanes[3] = result.s3;
#pragma unroll
  for (int l = 0; l < 4; ++l)
    if (to[l] >= 0) STORE(P_Y, 1, lanes[l], out.y, to[l]);
#endif
}

// Epilogue and store of four rows at a pixel: four neighbours in x of one output channel (P_UX a multiple of 4).
static inline void storeRows(float4 value, int row, int pixel, Output out) {
  const int n = pixel / Q_PLANE, i = indexOf(row, pixel - n * Q_PLANE), c = channelOf(row);
  if (pixel >= P_PIXELS || i < 0) return;
  const float4 residual = P_HAS_RESIDUAL ? LOAD_ALIGNED(P_R, 4, out.residual, out.rOffset + n * out.rBatch + i) : (float4)(0.0f);
  const float4 bias = (float4)(P_HAS_BIAS ? out.bias[c] : 0.0f), slope = (float4)(channelSlope(out, c));
  STORE_ALIGNED(P_Y, 4, epilogue(value, bias, residual, slope), out.y, out.yOffset + n * out.yBatch + i);
}

#if T_SPLIT == 1 || T_SUM
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void conv_gemm(
    __global const P_X* restrict x, __global const P_WEIGHTS* restrict w, __global const int2* restrict table, int xOffset,
    int xBatch, __global const float* restrict bias, __global const P_R* restrict residual,
    __global const float* restrict slope, __global P_Y* restrict y, int yOffset, int yBatch, int rOffset,
    int rBatch SPLIT_ARGUMENTS) {
  LOCAL_TILES
  accumulate(FIRST_TILE, LAST_TILE, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
  ADD_PARTS
  const Output out = {bias, slope, residual, y, yOffset, yBatch, rOffset, rBatch};
#pragma unroll
  for (int i = 0; i < T_WM; i += 4) {
#pragma unroll
    for (int j = 0; j < T_WN; j += 4) {
      const int row = rowTile * T_M + i * GM + at.x * 4, pixel = pixelTile * T_N + j * GN + at.y * 4;
#if P_STORE == 2
#pragma unroll
      for (int l = 0; l < 4; ++l)
        if (row < P_ROWS)
          storeRows((float4)(acc[i][j + l], acc[i + 1][j + l], acc[i + 2][j + l], acc[i + 3][j + l]), group * P_ROWS + row,
                    pixel + l, out);
#else
#pragma unroll
      for (int l = 0; l < 4; ++l)
        if (row + l < P_ROWS)
          storePixels((float4)(acc[i + l][j], acc[i + l][j + 1], acc[i + l][j + 2], acc[i + l][j + 3]),
                      group * P_ROWS + row + l, pixel, out);
#endif
    }
  }
}

#else
// Adds the parts in order, then the epilogue. One item per four pixels of a row.
__kernel void gemm_sum(__global const float4* restrict partial, __global const float* restrict bias,
                       __global const P_R* restrict residual, __global const float* restrict slope,
                       __global P_Y* restrict y, int yOffset, int yBatch, int rOffset, int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_GROUPS * P_ROWS * (P_PIXELS4 / 4)) return;
  float4 sum = partial[i];
#pragma unroll
  for (int split = 1; split < T_SPLIT; ++split) sum += partial[split * (P_GROUPS * P_ROWS * (P_PIXELS4 / 4)) + i];
  const Output out = {bias, slope, residual, y, yOffset, yBatch, rOffset, rBatch};
  storePixels(sum, i / (P_PIXELS4 / 4), i % (P_PIXELS4 / 4) * 4, out);
}
#endif
