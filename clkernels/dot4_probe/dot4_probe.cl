// dot4_probe: what one body of dot4 computes, and how fast.
//
// D_DOT4  the body (common/dot4.cl)
#include "common/dot4.cl"

// y[i] = dot4(a[i], b[i], acc[i]); bodies 5 and 6 take sixteen at a time.
__kernel void dot4_check(__global const int* a, __global const int* b, __global const int* acc, __global int* y) {
  const int i = get_global_id(0);
#if D_DOT4 == 5
  const int16 va = vload16(i, a), vb = vload16(i, b), vc = vload16(i, acc);
  const int16 ones = (int16)(0x01010101), zero = (int16)(0);
  const int16 sumB = dot4x16(as_uint16(ones), vb, zero);
  vstore16(as_int16(as_uint16(dot4x16(as_uint16(va) ^ (uint16)(0x80808080u), vb, vc)) - as_uint16(sumB) * (uint16)(128u)), i, y);
#elif D_DOT4 == 6
  const int16 va = vload16(i, a), vb = vload16(i, b), vc = vload16(i, acc);
  vstore16(any((va & (int16)(0x00808080)) != (int16)(0)) || any(va < (int16)(0)) ? dot4x16(as_uint16(va), vb, vc) : dot4x16OfPositive(as_uint16(va), vb, vc), i, y);
#else
  y[i] = dot4(a[i], b[i], acc[i]);
#endif
}

// `rounds` x 64 dot4 on independent accumulators per work-item (x 16 for bodies 5 and 6).
#if D_DOT4 == 6
#define SUMS 4  // what 16 registers hold
#else
#define SUMS 16
#endif
__kernel void dot4_rate(__global int* y, int seed, int rounds) {
#if D_DOT4 == 5
  int16 acc[16];
  const uint16 a = (uint16)(seed * 77 + 1);
  const int16 b = (int16)(seed * 0x1357913 + 0x25a7c9);
#elif D_DOT4 == 6
  int16 acc[SUMS];
  const int16 b = (int16)(seed * 0x1357913 + 0x25a7c9);
#else
  int acc[16];
  const int b = seed * 0x1357913 + 0x25a7c9;
#endif
  for (int k = 0; k < SUMS; ++k) acc[k] = seed * 77 + k + (int)get_global_id(0);
  for (int r = 0; r < rounds; ++r) {
#pragma unroll
    for (int k = 0; k < 64; ++k) {
#if D_DOT4 == 5
      acc[k % 16] = dot4x16(a, b, acc[k % 16]);
#elif D_DOT4 == 6
      acc[k % SUMS] = dot4x16(as_uint16(acc[k % SUMS]), b, acc[k % SUMS]);
#else
      acc[k % 16] = dot4(acc[k % 16], b, acc[k % 16]);
#endif
    }
  }
#if D_DOT4 == 5 || D_DOT4 == 6
  int16 sum = acc[0];
  for (int k = 1; k < SUMS; ++k) sum ^= acc[k];
  y[get_global_id(0)] = sum.s0 ^ sum.s7 ^ sum.sf;
#else
  int sum = 0;
  for (int k = 0; k < 16; ++k) sum ^= acc[k];
  y[get_global_id(0)] = sum;
#endif
}
