// reformat_tiles: between planar and blocks of 16 channels for elements of one, two or four bytes, on CPUs. A work-item takes
// `positions` positions of one block, 16 positions x 16 channels at a time, transposed in registers: all memory accesses
// are whole vectors except at the end of a plane.
//
// Layouts as in reformat.cl: index(n, c, p) = offset + n * batch + ((c / block) * plane + p) * block + c % block.
// Padding lanes of x are zero, so those of y become zero.
// P_TO_BLOCKS        1: x is planar, y in blocks of 16; 0: the other way
// P_XTYPE, P_YTYPE   element types in memory
// P_CONVERT          0: both are uchar, or both ushort, or both uint; 1: half or float, converted through float
#if !defined(P_TO_BLOCKS) || !defined(P_XTYPE) || !defined(P_YTYPE) || !defined(P_CONVERT)
#error "reformat_tiles needs all of its P_ defines"
#endif
#define VECTOR_(type) type##16
#define VECTOR_OF(type) VECTOR_(type)
#if P_CONVERT
#include "common/operand.cl"
#define VECTOR float16
#define READ16(p, i) LOAD(P_XTYPE, 16, p, i)
#define WRITE16(v, p, i) STORE(P_YTYPE, 16, v, p, i)
#define READ1(p, i) LOAD(P_XTYPE, 1, p, i)
#define WRITE1(v, p, i) STORE(P_YTYPE, 1, v, p, i)
#else
#define VECTOR VECTOR_OF(P_XTYPE)
#define READ16(p, i) vload16(0, (p) + (i))
#define WRITE16(v, p, i) vstore16(v, 0, (p) + (i))
#define READ1(p, i) ((p)[i])
#define WRITE1(v, p, i) ((p)[i] = (v))
#endif
#define TRANSPOSE_T VECTOR
#include "common/transpose.cl"

// x and y at the first channel of the block; `valid` channels of it exist.
static inline void moveTile(__global const P_XTYPE* x, __global P_YTYPE* y, int p, int plane, int valid) {
  VECTOR v[16];
#if P_TO_BLOCKS
#pragma unroll
  for (int c = 0; c < 16; ++c) {
    v[c] = 0;
    if (c < valid) v[c] = READ16(x, c * plane + p);
  }
  transpose16(v);
#pragma unroll
  for (int i = 0; i < 16; ++i) WRITE16(v[i], y, (p + i) * 16);
#else
#pragma unroll
  for (int i = 0; i < 16; ++i) v[i] = READ16(x, (p + i) * 16);
  transpose16(v);
#pragma unroll
  for (int c = 0; c < 16; ++c)
    if (c < valid) WRITE16(v[c], y, c * plane + p);
#endif
}

static inline void moveOne(__global const P_XTYPE* x, __global P_YTYPE* y, int p, int plane, int valid) {
#if P_TO_BLOCKS
  for (int c = 0; c < 16; ++c) WRITE1(c < valid ? READ1(x, c * plane + p) : 0, y, p * 16 + c);
#else
  for (int c = 0; c < valid; ++c) WRITE1(READ1(x, p * 16 + c), y, c * plane + p);
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void reformat_tiles(
    __global const P_XTYPE* restrict x, __global P_YTYPE* restrict y, int channels, int plane, int positions, int xOffset,
    int xBatch, int yOffset, int yBatch) {
  const int k = get_global_id(1), n = get_global_id(2), valid = min(16, channels - k * 16);
  const int begin = get_global_id(0) * positions, end = min(plane, begin + positions);
  x += xOffset + n * xBatch + k * plane * 16;
  y += yOffset + n * yBatch + k * plane * 16;
  int p = begin;
  for (; p + 16 <= end; p += 16) moveTile(x, y, p, plane, valid);
  for (; p < end; ++p) moveOne(x, y, p, plane, valid);
}
