// conv_winograd: 3x3 convolution of stride 1, any dilation, for CPUs, f32, by Winograd's F(T_M x T_M, 3 x 3): T_SIDE^2
// multiplications per T_M^2 outputs instead of 9 T_M^2. One work-item transforms the inputs of T_TX * T_GROUPS tiles of T_M x
// T_M outputs, multiplies them by the transformed weights, one matrix product per element of a tile, and transforms back; what
// lies between stays in local memory, that is, in the core's second-level cache.
//
// Layouts (offsets, strides in elements; e = i * T_SIDE + j the element of a tile):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise
//   u  [tile of T_TK * 16 channels][e][C][T_TK * 16], zero-padded: the transformed weights
//   v  [e][c / 16][tile][16]: the transformed inputs
//   m  [e][block of 16 channels < T_TK][tile][16]: their products
//   patches  [work-item][e][16]: the inputs of a tile at the border, with zeros
//
// T_M       outputs per extent of a tile (transforms.cl)
// T_TX      tiles of a register tile; T_TX * T_TK + T_TK vectors should fit the register file
// T_TK      groups of 16 output channels of a register tile
// T_GROUPS  register tiles along the tiles of a work-item
#define PW_WIDTH 16
#define W_T float16
#include "common/activation.cl"
#include "conv_winograd/transforms.cl"
#if !defined(T_TX) || !defined(T_TK) || !defined(T_GROUPS)
#error "conv_winograd needs T_M, T_TX, T_TK and T_GROUPS"
#endif
#define TILES (T_TX * T_GROUPS)
#define ELEMENTS (T_SIDE * T_SIDE)

// Copies the inputs of a tile, zeros outside the plane.
static inline void copyPatch(__global const float* plane, int H, int W, int top, int left, int DY, int DX,
                             __global float* patch) {
#pragma nounroll
  for (int e = 0; e < ELEMENTS; ++e) {
    const int iy = top + e / T_SIDE * DY, ix = left + e % T_SIDE * DX;
    float16 pixel = 0.0f;
    if ((uint)iy < (uint)H && (uint)ix < (uint)W) pixel = vload16(iy * W + ix, plane);
    vstore16(pixel, e, patch);
  }
}

// B^T d B of 16 channels; element e goes to v + e * step.
static inline void transformInput(__global const float* d, int rowStep, int columnStep, __local float* v, int step) {
  float16 rows[ELEMENTS];
#pragma nounroll
  for (int i = 0; i < T_SIDE; ++i) {
    float16 row[T_SIDE];
#pragma unroll
    for (int j = 0; j < T_SIDE; ++j) row[j] = vload16(0, d + i * rowStep + j * columnStep);
    inputTransform(row, rows + i * T_SIDE);
  }
#pragma nounroll
  for (int j = 0; j < T_SIDE; ++j) {
    float16 column[T_SIDE], out[T_SIDE];
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) column[i] = rows[i * T_SIDE + j];
    inputTransform(column, out);
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) vstore16(out[i], 0, v + (i * T_SIDE + j) * step);
  }
}

// A^T m A: element e is read at m + e * step.
static inline void transformOutput(__local const float* m, int step, float16* y) {
  float16 rows[T_SIDE * T_M];
#pragma nounroll
  for (int i = 0; i < T_SIDE; ++i) {
    float16 row[T_SIDE];
#pragma unroll
    for (int j = 0; j < T_SIDE; ++j) row[j] = vload16(0, m + (i * T_SIDE + j) * step);
    outputTransform(row, rows + i * T_M);
  }
#pragma nounroll
  for (int j = 0; j < T_M; ++j) {
    float16 column[T_SIDE], out[T_M];
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) column[i] = rows[i * T_M + j];
    outputTransform(column, out);
#pragma unroll
    for (int i = 0; i < T_M; ++i) y[i * T_M + j] = out[i];
  }
}

// m = v u for T_TX tiles, one element: `u` its C rows of T_TK * 16 weights.
static inline void multiply(__local const float* v, __global const float* u, __local float* m, int C) {
  float16 acc[T_TK][T_TX];
#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) acc[j][i] = F(0.0f);
  for (int c0 = 0; c0 < C; c0 += 16, v += TILES * 16) {
    const int channels = min(16, C - c0);
    for (int c = 0; c < channels; ++c, u += T_TK * 16) {
      float16 weights[T_TK];
#pragma unroll
      for (int j = 0; j < T_TK; ++j) weights[j] = vload16(j, u);
#pragma unroll
      for (int i = 0; i < T_TX; ++i) {
        const float16 value = F(v[i * 16 + c]);
#pragma unroll
        for (int j = 0; j < T_TK; ++j) acc[j][i] = fma(value, weights[j], acc[j][i]);
      }
    }
  }
#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) vstore16(acc[j][i], j * TILES + i, m);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_winograd(
    __global const float* x, __global const float* u, __global const float* bias, __global const float* residual,
    __global const float* slope, __global float* y, __global float* patches, __local float* v, __local float* m,
    int xOffset, int xBatch, int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int OH, int OW, int DY, int DX,
    int padY, int padX, int tiles, int tilesY, int tilesX, int phasesX, int share) {
  const int first = get_global_id(0) * TILES, kBegin = get_global_id(1) * share, item = get_global_id(2);
  const int n = min(TILES, tiles - first), cBlocks = (C + 15) / 16, kBlocks = (K + 15) / 16;
  const int kEnd = min((kBlocks + T_TK - 1) / T_TK, kBegin + share);
  x += xOffset + (long)item * xBatch;
  y += yOffset + (long)item * yBatch;
  residual += rOffset + (long)item * rBatch;

  __global float* patch =
      patches + (((long)item * get_global_size(1) + get_global_id(1)) * get_global_size(0) + get_global_id(0)) * ELEMENTS * 16;

  // Register tiles are whole: what is beyond the last tile repeats it and is thrown away.
  const int used = (n + T_TX - 1) / T_TX * T_TX;
  for (int t = 0; t < used; ++t) {
    const WinogradTile at = tileAt(first + min(t, n - 1), tilesY, tilesX, phasesX, DY, DX);
    const int top = at.y - padY, left = at.x - padX;
    const bool inside = top >= 0 && left >= 0 && top + (T_SIDE - 1) * DY < H && left + (T_SIDE - 1) * DX < W;
    for (int cb = 0; cb < cBlocks; ++cb) {
      __global const float* plane = x + (long)cb * H * W * 16;
      if (!inside) copyPatch(plane, H, W, top, left, DY, DX, patch);
      transformInput(inside ? plane + ((long)top * W + left) * 16 : patch, inside ? DY * W * 16 : T_SIDE * 16,
                     inside ? DX * 16 : 16, v + (cb * TILES + t) * 16, cBlocks * TILES * 16);
    }
  }
  for (int kt = kBegin; kt < kEnd; ++kt) {
    for (int e = 0; e < ELEMENTS; ++e)
      for (int t = 0; t < used; t += T_TX)
        multiply(v + (e * cBlocks * TILES + t) * 16, u + (long)(kt * ELEMENTS + e) * C * T_TK * 16,
                 m + (e * T_TK * TILES + t) * 16, C);
    for (int j = 0; j < min(T_TK, kBlocks - kt * T_TK); ++j) {
      const int k = (kt * T_TK + j) * 16;
      const long plane = (long)k * OH * OW;
      for (int t = 0; t < n; ++t) {
        const WinogradTile at = tileAt(first + t, tilesY, tilesX, phasesX, DY, DX);
        float16 out[T_M * T_M];
        transformOutput(m + (j * TILES + t) * 16, T_TK * TILES * 16, out);
#pragma nounroll
        for (int r = 0; r < T_M; ++r) {
          const int oy = at.y + r * DY;
          if (oy >= OH) break;
#pragma nounroll
          for (int s = 0; s < T_M; ++s) {
            const int ox = at.x + s * DX;
            if (ox >= OW) break;
            const long index = plane + ((long)oy * OW + ox) * 16;
            vstore16(maskLanes(epilogueAt(out[r * T_M + s], k, index, bias, residual, slope), K - k), 0, y + index);
          }
        }
      }
    }
  }
}
