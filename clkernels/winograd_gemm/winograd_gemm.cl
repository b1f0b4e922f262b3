// winograd_gemm: 3x3 convolution of stride 1, any dilation, by Winograd's F(T_M x T_M, 3 x 3), for GPUs: this file's transforms
// around one matrix product per element of a tile, which conv_gemm computes as a 1x1 convolution of T_SIDE^2 groups.
//
// Layouts (elements; e = i * T_SIDE + j the element of a tile; tile = n * tiles + the tile of image n, see transforms.cl):
//   x  xOffset + n * xBatch + (c * H + iy) * W + ix
//   y  yOffset + n * yBatch + (k * OH + oy) * OW + ox; the residual likewise
//   v  (e * C + c) * pitch + tile: the transformed inputs
//   m  (e * K + k) * pitch + tile: their products with the transformed weights
// `pitch`: all tiles, rounded up to four; what v holds beyond the tiles is 0.
//
// T_M       outputs per extent of a tile
// P_VECTOR  1: two neighbouring outputs lie at even places in y and the residual, and can be moved as a pair
#define PW_WIDTH 1
#define W_T float
#include "common/activation.cl"
#include "conv_winograd/transforms.cl"
#ifndef P_VECTOR
#error "winograd_gemm needs P_VECTOR"
#endif

// One item per tile and channel.
__kernel void winograd_input(__global const float* restrict x, __global float* restrict v, int xOffset, int xBatch, int C, int H,
                             int W, int DY, int DX, int padY, int padX, int images, int tiles, int tilesY, int tilesX,
                             int phasesX, int pitch) {
  const int tile = get_global_id(0), c = get_global_id(1);
  if (tile >= pitch || c >= C) return;
  const int n = tile / tiles;
  const WinogradTile at = tileAt(tile - n * tiles, tilesY, tilesX, phasesX, DY, DX);
  const int top = n < images ? at.y - padY : H, left = at.x - padX;
  x += xOffset + (n < images ? n : 0) * xBatch + c * H * W;
  float d[T_SIDE][T_SIDE];
#pragma unroll
  for (int i = 0; i < T_SIDE; ++i) {
    const int iy = top + i * DY, rowInside = (uint)iy < (uint)H;
    float row[T_SIDE];
#pragma unroll
    for (int j = 0; j < T_SIDE; ++j) {
      const int ix = left + j * DX;
      row[j] = rowInside && (uint)ix < (uint)W ? x[iy * W + ix] : 0.0f;
    }
    inputTransform(row, d[i]);
  }
  v += c * pitch + tile;
#pragma unroll
  for (int j = 0; j < T_SIDE; ++j) {
    float column[T_SIDE], out[T_SIDE];
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) column[i] = d[i][j];
    inputTransform(column, out);
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) v[(i * T_SIDE + j) * C * pitch] = out[i];
  }
}

// One item per tile and output channel.
__kernel void winograd_output(__global const float* restrict m, __global const float* restrict bias,
                              __global const float* restrict residual, __global const float* restrict slope,
                              __global float* restrict y, int yOffset, int yBatch, int rOffset, int rBatch, int K, int OH, int OW,
                              int DY, int DX, int images, int tiles, int tilesY, int tilesX, int phasesX, int pitch) {
  const int tile = get_global_id(0), k = get_global_id(1), n = tile / tiles;
  if (n >= images || k >= K) return;
  m += k * pitch + tile;
  float rows[T_SIDE][T_M];
#pragma unroll
  for (int i = 0; i < T_SIDE; ++i) {
    float row[T_SIDE];
#pragma unroll
    for (int j = 0; j < T_SIDE; ++j) row[j] = m[(i * T_SIDE + j) * K * pitch];
    outputTransform(row, rows[i]);
  }
  float out[T_M][T_M];
#pragma unroll
  for (int j = 0; j < T_M; ++j) {
    float column[T_SIDE], sums[T_M];
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) column[i] = rows[i][j];
    outputTransform(column, sums);
#pragma unroll
    for (int i = 0; i < T_M; ++i) out[i][j] = sums[i];
  }
  const WinogradTile at = tileAt(tile - n * tiles, tilesY, tilesX, phasesX, DY, DX);
  const float shift = biasAt(bias, k), channelSlope = slopeAt(slope, k);
  y += yOffset + n * yBatch + k * OH * OW;
  residual += rOffset + n * rBatch + k * OH * OW;
#pragma unroll
  for (int i = 0; i < T_M; ++i) {
    const int oy = at.y + i * DY;
    if (oy >= OH) continue;
#if P_VECTOR
#pragma unroll
    for (int j = 0; j < T_M; j += 2) {
      const int ox = at.x + j, to = oy * OW + ox;
      if (ox >= OW) continue;
      const float2 more = P_HAS_RESIDUAL ? *(__global const float2*)(residual + to) : (float2)(0.0f);
      *(__global float2*)(y + to) = (float2)(epilogue(out[i][j], shift, more.s0, channelSlope),
                                             epilogue(out[i][j + 1], shift, more.s1, channelSlope));
    }
#else
#pragma unroll
    for (int j = 0; j < T_M; ++j) {
      const int ox = at.x + j * DX, to = oy * OW + ox;
      if (ox >= OW) continue;
      y[to] = epilogue(out[i][j], shift, P_HAS_RESIDUAL ? residual[to] : 0.0f, channelSlope);
    }
#endif
  }
}
