// conv_winograd, q_conv_winograd: 3x3 convolution of stride 1, any dilation, for CPUs, f32 or INT8, by Winograd's
// F(T_M x T_M, 3 x 3): T_SIDE^2 multiplications per T_M^2 outputs instead of 9 T_M^2. One work-item transforms the inputs of T_TX * T_GROUPS tiles of T_M x
// T_M outputs, multiplies them by the transformed weights, one matrix product per element of a tile, and transforms back; what
// lies between stays in local memory, that is, in the core's second-level cache.
//
// Layouts (offsets, strides in elements; e = i * T_SIDE + j the element of a tile):
//   x  xOffset + n * xBatch + ((c / 16) * H * W + iy * W + ix) * 16 + c % 16
//   y  yOffset + n * yBatch + ((k / 16) * OH * OW + oy * OW + ox) * 16 + k % 16; the residual likewise
//   u  [tile of T_TK * 16 channels][e][steps of C][T_TK * 16], zero-padded: the transformed weights
//   v  [e][c / 16][tile][16]: the transformed inputs
//   m  [e][block of 16 channels < T_TK][tile][16]: their products
//   patches  [work-item][e][16]: the inputs of a tile at the border, with zeros
// The arithmetic, winograd_floats.cl or winograd_codes.cl, defines
//   VALUE, VALUES  an element of v, and sixteen; PIXEL(p, i): sixteen channels of the i-th pixel from p on
//   STEP_T, STEP_CHANNELS  what a step of the products broadcasts of v, and how many channels that are
//   MULTIPLY_ADD(value, weights, sums); weights are SUM
//   inputTransform() of VALUES, outputTransform() of SUMS_T, wholeSums(): sums out of what that gives; result(): the epilogue
//   WEIGHTS_OPERANDS  u, and what PASS(kt, cBlocks) looks at: input blocks whose products one output transform takes
//   PARTIAL  1: there may be several passes, between which sums wait in `kept`
//
// T_M       outputs per extent of a tile (transforms.cl)
// T_TX      tiles of a register tile; T_TX * T_TK + T_TK vectors should fit the register file
// T_TK      groups of 16 output channels of a register tile
// T_GROUPS  register tiles along the tiles of a work-item
#include "common/finish.cl"
#include "conv_winograd/tiles.cl"
#if P_CODES
#include "conv_winograd/winograd_codes.cl"
#else
#include "conv_winograd/winograd_floats.cl"
#endif
#if !defined(T_TX) || !defined(T_TK) || !defined(T_GROUPS)
#error "conv_winograd needs T_M, T_TX, T_TK and T_GROUPS"
#endif
#define TILES (T_TX * T_GROUPS)
#define ELEMENTS (T_SIDE * T_SIDE)
#define STEPS (16 / STEP_CHANNELS)

// Copies the inputs of a tile, zeros outside the plane.
static inline void copyPatch(__global const P_X* plane, int H, int W, int top, int left, int DY, int DX,
                             __global P_X* patch) {
#pragma nounroll
  for (int e = 0; e < ELEMENTS; ++e) {
    const int iy = top + e / T_SIDE * DY, ix = left + e % T_SIDE * DX;
    PIXEL_T pixel = 0;
    if ((uint)iy < (uint)H && (uint)ix < (uint)W) pixel = vload16(iy * W + ix, plane);
    vstore16(pixel, e, patch);
  }
}

// B^T d B of 16 channels; steps are in pixels of d; element e goes to v + e * step.
static inline void transformInput(__global const P_X* d, int rowStep, int columnStep, __local VALUE* v, int step) {
  VALUES rows[ELEMENTS];
#pragma nounroll
  for (int i = 0; i < T_SIDE; ++i) {
    VALUES row[T_SIDE];
#pragma unroll
    for (int j = 0; j < T_SIDE; ++j) row[j] = PIXEL(d, i * rowStep + j * columnStep);
    inputTransform(row, rows + i * T_SIDE);
  }
#pragma nounroll
  for (int j = 0; j < T_SIDE; ++j) {
    VALUES column[T_SIDE], out[T_SIDE];
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) column[i] = rows[i * T_SIDE + j];
    inputTransform(column, out);
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) vstore16(out[i], 0, v + (i * T_SIDE + j) * step);
  }
}

// A^T m A: element e is read at m + e * step.
static inline void transformOutput(__local const SUM* m, int step, SUMS_T* y) {
  SUMS_T rows[T_SIDE * T_M];
#pragma nounroll
  for (int i = 0; i < T_SIDE; ++i) {
    SUMS_T row[T_SIDE];
#pragma unroll
    for (int j = 0; j < T_SIDE; ++j) row[j] = AS_SUMS_T(vload16(0, m + (i * T_SIDE + j) * step));
    outputTransform(row, rows + i * T_M);
  }
#pragma nounroll
  for (int j = 0; j < T_M; ++j) {
    SUMS_T column[T_SIDE], out[T_M];
#pragma unroll
    for (int i = 0; i < T_SIDE; ++i) column[i] = rows[i * T_M + j];
    outputTransform(column, out);
#pragma unroll
    for (int i = 0; i < T_M; ++i) y[i * T_M + j] = out[i];
  }
}

// m = v u for T_TX tiles, one element, C channels: `u` their steps of T_TK * 16 weights.
static inline void multiply(__local const VALUE* v, __global const SUM* u, __local SUM* m, int C) {
  SUMS acc[T_TK][T_TX];
#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) acc[j][i] = 0;
  for (int c0 = 0; c0 < C; c0 += 16, v += TILES * 16) {
    const int steps = min(STEPS, (C - c0 + STEP_CHANNELS - 1) / STEP_CHANNELS);
    for (int s = 0; s < steps; ++s, u += T_TK * 16) {
      SUMS weights[T_TK];
#pragma unroll
      for (int j = 0; j < T_TK; ++j) weights[j] = vload16(j, u);
#pragma unroll
      for (int i = 0; i < T_TX; ++i) {
        const STEP_T value = ((__local const STEP_T*)(v + i * 16))[s];
#pragma unroll
        for (int j = 0; j < T_TK; ++j) acc[j][i] = MULTIPLY_ADD(value, weights[j], acc[j][i]);
      }
    }
  }
#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) vstore16(acc[j][i], j * TILES + i, m);
}

// The outputs of a tile at (y, x) that are inside, of the channels from k on; dilated by DY, DX.
static inline void storeTile(const SUMS_T* out, const Finish finish, int k, int K, const WinogradTile at, int OH, int OW, int DY,
                             int DX, __global P_Y* y) {
  const long plane = (long)k * OH * OW;
#pragma nounroll
  for (int r = 0; r < T_M; ++r) {
    const int oy = at.y + r * DY;
    if (oy >= OH) break;
#pragma nounroll
    for (int s = 0; s < T_M; ++s) {
      const int ox = at.x + s * DX;
      if (ox >= OW) break;
      const long index = plane + ((long)oy * OW + ox) * 16;
      storeFinished(maskLanes(result(out[r * T_M + s], finish, k, index), K - k), finish, y, index);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void conv_winograd(
    __global const P_X* x, WEIGHTS_OPERANDS, FINISH_OPERANDS, __global P_Y* y, __global P_X* patches, __local VALUE* v,
    __local SUM* m, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset, int rBatch, int C, int H, int W, int K, int OH,
    int OW, int DY, int DX, int padY, int padX, int tiles, int tilesY, int tilesX, int phasesX, int share) {
  const int first = get_global_id(0) * TILES, kBegin = get_global_id(1) * share, item = get_global_id(2);
  const int n = min(TILES, tiles - first), cBlocks = (C + 15) / 16, kBlocks = (K + 15) / 16;
  const int kEnd = min((kBlocks + T_TK - 1) / T_TK, kBegin + share);
  x += xOffset + (long)item * xBatch;
  y += yOffset + (long)item * yBatch;
  Finish finish = FINISH;
  finish.residual += rOffset + (long)item * rBatch;

  const long workItem = ((long)item * get_global_size(1) + get_global_id(1)) * get_global_size(0) + get_global_id(0);
  __global P_X* patch = patches + workItem * ELEMENTS * 16;
#if PARTIAL
  kept += workItem * T_TK * TILES * T_M * T_M * 16;
#endif

  // Register tiles are whole: what is beyond the last tile repeats it and is thrown away.
  const int used = (n + T_TX - 1) / T_TX * T_TX;
  for (int t = 0; t < used; ++t) {
    const WinogradTile at = tileAt(first + min(t, n - 1), tilesY, tilesX, phasesX, DY, DX);
    const int top = at.y - padY, left = at.x - padX;
    const bool inside = top >= 0 && left >= 0 && top + (T_SIDE - 1) * DY < H && left + (T_SIDE - 1) * DX < W;
    for (int cb = 0; cb < cBlocks; ++cb) {
      __global const P_X* plane = x + (long)cb * H * W * 16;
      if (!inside) copyPatch(plane, H, W, top, left, DY, DX, patch);
      transformInput(inside ? plane + ((long)top * W + left) * 16 : patch, inside ? DY * W : T_SIDE, inside ? DX : 1,
                     v + (cb * TILES + t) * 16, cBlocks * TILES * 16);
    }
  }
  const int rows = (C + STEP_CHANNELS - 1) / STEP_CHANNELS;  // of weights, for an element
  for (int kt = kBegin; kt < kEnd; ++kt) {
    const int pass = PASS(kt, cBlocks);
    for (int cb = 0; cb < cBlocks; cb += pass) {
      const int channels = min(C - cb * 16, pass * 16);
      for (int e = 0; e < ELEMENTS; ++e)
        for (int t = 0; t < used; t += T_TX)
          multiply(v + ((e * cBlocks + cb) * TILES + t) * 16, u + ((long)(kt * ELEMENTS + e) * rows + cb * STEPS) * T_TK * 16,
                   m + (e * T_TK * TILES + t) * 16, channels);
      for (int j = 0; j < min(T_TK, kBlocks - kt * T_TK); ++j)
        for (int t = 0; t < n; ++t) {
          SUMS_T out[T_M * T_M];
          transformOutput(m + (j * TILES + t) * 16, T_TK * TILES * 16, out);
          wholeSums(out);
#if PARTIAL
          __global uint* waiting = kept + (j * TILES + t) * T_M * T_M * 16;
          for (int i = 0; cb > 0 && i < T_M * T_M; ++i) out[i] += vload16(i, waiting);
          for (int i = 0; cb + pass < cBlocks && i < T_M * T_M; ++i) vstore16(out[i], i, waiting);
          if (cb + pass < cBlocks) continue;
#endif
          const WinogradTile at = tileAt(first + t, tilesY, tilesX, phasesX, DY, DX);
          storeTile(out, finish, (kt * T_TK + j) * 16, K, at, OH, OW, DY, DX, y);
        }
    }
  }
}
