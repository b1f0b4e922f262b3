// winograd_rows: convolution of planar f32 for CPUs, three taps high, of stride 1, any dilation, by Winograd's F(T_M, 3) along y
// and plain sums along x: T_SIDE * P_KW multiplications for T_M outputs instead of 3 * T_M * P_KW, without a shuffle, since
// vectors run along the pixels of a row. One work-item makes T_M rows of all output channels: it transforms the rows under them
// into local memory (the core's second-level cache), sums over channels and taps of a row, and transforms back in registers.
//
// A convolution dilated in y is DY convolutions, each on every DY-th row from a phase on; tiles of rows are counted
// (phase, tile of the phase).
//
// Layouts (elements; e the element of a tile, 0 to T_SIDE - 1):
//   x  xOffset + n * xBatch + (c * H + iy) * W + ix
//   u  [ceil(K / T_K)][e][C][P_KW][T_K], zero-padded: the transformed weights
//   v  [e][c][span]: the transformed rows, column i of the image at i + padX, zeros beside it
//   y  yOffset + n * yBatch + (k * OH + oy) * OW + ox; the residual likewise
// T_M       output rows of a tile (conv_winograd/transforms.cl)
// T_K, T_V  output channels x vectors of 16 pixels in registers
// P_KW      taps of a row
// The image and the output have rows of 16 and of 16 * T_V pixels at least: the last vectors are moved to the left, to end with
// the row.
#if !defined(T_K) || !defined(T_V) || !defined(P_KW)
#error "winograd_rows needs T_M, T_K, T_V and P_KW"
#endif
#define PW_WIDTH 16
#define W_T float16
#include "common/activation.cl"
#include "conv_winograd/transforms.cl"

// B^T d of one channel: `rows` of them are at d + i * step, those outside [first, end) are zero.
static inline void transformRows(__global const float* d, long step, int first, int end, int W, __local float* v, int elementStep) {
  for (int i = 0; i < W; i += 16) {
    const int at = min(i, W - 16);
    float16 row[T_SIDE], out[T_SIDE];
#pragma unroll
    for (int r = 0; r < T_SIDE; ++r) {
      row[r] = F(0.0f);
      if (r >= first && r < end) row[r] = vload16(0, d + r * step + at);
    }
    inputTransform(row, out);
#pragma unroll
    for (int e = 0; e < T_SIDE; ++e) vstore16(out[e], 0, v + e * elementStep + at);
  }
}

// sums[k * T_V + j] of one element.
static inline void accumulate(__local const float* v, __global const float* u, int C, int span, int DX, float16* sums) {
  float16 acc[T_K][T_V];
#pragma unroll
  for (int k = 0; k < T_K; ++k)
#pragma unroll
    for (int j = 0; j < T_V; ++j) acc[k][j] = F(0.0f);
  for (int c = 0; c < C; ++c, v += span, u += P_KW * T_K) {
#pragma unroll
    for (int kx = 0; kx < P_KW; ++kx) {
      float16 value[T_V];
#pragma unroll
      for (int j = 0; j < T_V; ++j) value[j] = vload16(j, v + kx * DX);
#pragma unroll
      for (int k = 0; k < T_K; ++k) {
        const float16 weight = F(u[kx * T_K + k]);
#pragma unroll
        for (int j = 0; j < T_V; ++j) acc[k][j] = fma(weight, value[j], acc[k][j]);
      }
    }
  }
#pragma unroll
  for (int k = 0; k < T_K; ++k)
#pragma unroll
    for (int j = 0; j < T_V; ++j) sums[k * T_V + j] = acc[k][j];
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void winograd_rows(
    __global const float* x, __global const float* u, __global const float* bias, __global const float* residual,
    __global const float* slope, __global float* y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
    int rBatch, int C, int H, int W, int K, int OH, int OW, int DY, int DX, int padY, int padX, int tilesY, int span,
    __local float* v) {
  const int tile = get_global_id(0), item = get_global_id(1);
  const int oy0 = tile / tilesY + tile % tilesY * T_M * DY, top = oy0 - padY;
  if (oy0 >= OH) return;
  x += xOffset + (long)item * xBatch;
  y += yOffset + (long)item * yBatch;
  residual += rOffset + (long)item * rBatch;

  const int first = top < 0 ? (DY - 1 - top) / DY : 0, end = top >= H ? 0 : (H - 1 - top) / DY + 1;
  for (int c = 0; c < C; ++c) {
    for (int e = 0; e < T_SIDE; ++e) {
      __local float* row = v + (e * C + c) * span;
      for (int i = 0; i < padX; ++i) row[i] = 0.0f;
      for (int i = padX + W; i < span; ++i) row[i] = 0.0f;
    }
    transformRows(x + ((long)c * H + top) * W, (long)DY * W, first, end, W, v + c * span + padX, C * span);
  }
  for (int k0 = 0; k0 < K; k0 += T_K, u += T_SIDE * C * (P_KW * T_K)) {
    for (int ox = 0; ox < OW; ox += 16 * T_V) {
      const int at = min(ox, OW - 16 * T_V);
      float16 sums[T_SIDE][T_K * T_V];
      for (int e = 0; e < T_SIDE; ++e)
        accumulate(v + e * C * span + at, u + e * C * (P_KW * T_K), C, span, DX, sums[e]);
      for (int k = 0; k < min(T_K, K - k0); ++k) {
        const float16 shift = P_HAS_BIAS ? F(bias[k0 + k]) : F(0.0f);
        const float16 s = P_SLOPE ? F(slope[P_SLOPE == 2 ? k0 + k : 0]) : F(0.0f);
        for (int j = 0; j < T_V; ++j) {
          float16 m[T_SIDE], out[T_M];
#pragma unroll
          for (int e = 0; e < T_SIDE; ++e) m[e] = sums[e][k * T_V + j];
          outputTransform(m, out);
#pragma unroll
          for (int r = 0; r < T_M; ++r) {
            if (oy0 + r * DY >= OH) break;
            const long to = ((long)(k0 + k) * OH + oy0 + r * DY) * OW + at + j * 16;
            const float16 more = P_HAS_RESIDUAL ? vload16(0, residual + to) : F(0.0f);
            vstore16(epilogue(out[r], shift, more, s), 0, y + to);
          }
        }
      }
    }
  }
}
