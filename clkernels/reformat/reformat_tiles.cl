// reformat_tiles: between planar and blocks of 16 channels for elements of two or four bytes, on CPUs. A work-item takes
// `positions` positions of one block, 16 positions x 16 channels at a time, transposed in registers: all memory accesses
// are whole vectors except at the end of a plane.
//
// Layouts as in reformat.cl: index(n, c, p) = offset + n * batch + ((c / block) * plane + p) * block + c % block.
// Padding lanes of x are zero, so those of y become zero.
// P_TO_BLOCKS  1: x is planar, y in blocks of 16; 0: the other way
// P_TYPE       ushort or uint
#if !defined(P_TO_BLOCKS) || !defined(P_TYPE)
#error "reformat_tiles needs P_TO_BLOCKS and P_TYPE"
#endif
#define VECTOR_(type) type##16
#define VECTOR_OF(type) VECTOR_(type)
#define VECTOR VECTOR_OF(P_TYPE)
#define TRANSPOSE_T VECTOR
#include "common/transpose.cl"

// x and y at the first channel of the block; `valid` channels of it exist.
static inline void moveTile(__global const P_TYPE* x, __global P_TYPE* y, int p, int plane, int valid) {
  VECTOR v[16];
#if P_TO_BLOCKS
#pragma unroll
  for (int c = 0; c < 16; ++c) {
    v[c] = 0;
    if (c < valid) v[c] = vload16(0, x + c * plane + p);
  }
  transpose16(v);
#pragma unroll
  for (int i = 0; i < 16; ++i) vstore16(v[i], p + i, y);
#else
#pragma unroll
  for (int i = 0; i < 16; ++i) v[i] = vload16(p + i, x);
  transpose16(v);
#pragma unroll
  for (int c = 0; c < 16; ++c)
    if (c < valid) vstore16(v[c], 0, y + c * plane + p);
#endif
}

static inline void moveOne(__global const P_TYPE* x, __global P_TYPE* y, int p, int plane, int valid) {
#if P_TO_BLOCKS
  for (int c = 0; c < 16; ++c) y[p * 16 + c] = c < valid ? x[c * plane + p] : 0;
#else
  for (int c = 0; c < valid; ++c) y[c * plane + p] = x[p * 16 + c];
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void reformat_tiles(
    __global const P_TYPE* restrict x, __global P_TYPE* restrict y, int channels, int plane, int positions, int xOffset,
    int xBatch, int yOffset, int yBatch) {
  const int k = get_global_id(1), n = get_global_id(2), valid = min(16, channels - k * 16);
  const int begin = get_global_id(0) * positions, end = min(plane, begin + positions);
  x += xOffset + n * xBatch + k * plane * 16;
  y += yOffset + n * yBatch + k * plane * 16;
  int p = begin;
  for (; p + 16 <= end; p += 16) moveTile(x, y, p, plane, valid);
  for (; p < end; ++p) moveOne(x, y, p, plane, valid);
}
