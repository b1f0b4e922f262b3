// q_fc_rows: INT8 fully connected layers of few items: a work-group sums T_O outputs of T_B items, its T_G members along the
// inputs in words of four codes.
//
// Layouts: x[xOffset + n * xBatch + i], i < P_I; weights[o * P_WORDS + i / 4] words, zero beyond P_I; y and residual
//   [offset + n * batch + o]. Sums are 32-bit, modulo 2^32; epilogue by common/quant.cl.
// The weights are read once for T_B items, in order: the layer is bound by their bytes.
// P_X      how x is read: 1 in words, 0 byte by byte (rows that do not begin or end at words)
// Tunables: T_G (a power of two), T_O, T_B, T_V (words per load: 4 where all rows are whole vectors, else 1).
#define PW_WIDTH 1
#include "common/activation.cl"
#include "common/dot4.cl"
#include "common/quant.cl"
#if !defined(T_G) || !defined(T_O) || !defined(T_B) || !defined(T_V) || !defined(P_I) || !defined(P_O) || !defined(P_N) || \
    !defined(P_WORDS) || !defined(P_X)
#error "q_fc_rows needs all its T_ and P_ macros"
#endif

#if T_V == 4
#define VALUE int4
static inline int dotValues(int4 a, int4 b, int sum) {
  return dot4(a.s0, b.s0, dot4(a.s1, b.s1, dot4(a.s2, b.s2, dot4(a.s3, b.s3, sum))));
}
#else
#define VALUE int
#define dotValues(a, b, sum) dot4(a, b, sum)
#endif

// Word or vector `i` of a row of x.
static inline VALUE valueAt(__global const char* row, int i) {
#if P_X
  return ((__global const VALUE*)row)[i];
#else
  char4 v = (char4)(0);
  v.s0 = row[i * 4];
  if (i * 4 + 1 < P_I) v.s1 = row[i * 4 + 1];
  if (i * 4 + 2 < P_I) v.s2 = row[i * 4 + 2];
  if (i * 4 + 3 < P_I) v.s3 = row[i * 4 + 3];
  return as_int(v);
#endif
}

__attribute__((reqd_work_group_size(T_G, 1, 1))) __kernel void q_fc_rows(
    __global const char* restrict x, __global const VALUE* restrict w, __global const float* restrict multiplier,
    __global const float* restrict bias, __global const Q_RESIDUAL* restrict residual, __global const float* restrict slope,
    __global Q_RESULT* restrict y, float rate, float residualScale, int xOffset, int xBatch, int yOffset, int yBatch,
    int rOffset, int rBatch) {
  __local int sums[T_O * T_B * T_G];
  const int item = get_local_id(0), o0 = get_group_id(0) * T_O, n0 = get_group_id(1) * T_B;
  int acc[T_O][T_B];
#pragma unroll
  for (int o = 0; o < T_O; ++o)
#pragma unroll
    for (int b = 0; b < T_B; ++b) acc[o][b] = 0;

  for (int i = item; i < P_WORDS / T_V; i += T_G) {
    VALUE in[T_B];
#pragma unroll
    for (int b = 0; b < T_B; ++b) in[b] = valueAt(x + (xOffset + min(n0 + b, P_N - 1) * xBatch), i);
#pragma unroll
    for (int o = 0; o < T_O; ++o) {
      const VALUE weight = w[min(o0 + o, P_O - 1) * (P_WORDS / T_V) + i];
#pragma unroll
      for (int b = 0; b < T_B; ++b) acc[o][b] = dotValues(weight, in[b], acc[o][b]);
    }
  }

#pragma unroll
  for (int o = 0; o < T_O; ++o)
#pragma unroll
    for (int b = 0; b < T_B; ++b) sums[(o * T_B + b) * T_G + item] = acc[o][b];
  for (int step = T_G / 2; step > 0; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < step)
      for (int s = 0; s < T_O * T_B; ++s) sums[s * T_G + item] += sums[s * T_G + item + step];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = item; s < T_O * T_B; s += T_G) {
    const int o = o0 + s / T_B, n = n0 + s % T_B;
    if (o < P_O && n < P_N) {
      const float added = P_HAS_RESIDUAL ? loadResidual(residual, rOffset + n * rBatch + o, residualScale) : 0.0f;
      const float value = quantisedEpilogue(sums[s * T_G], multiplier[o], biasAt(bias, o), added, slopeAt(slope, o));
      storeResult(value, y, yOffset + n * yBatch + o, rate);
    }
  }
}
