// fc_rows: fully connected layers of few items: a work-group sums T_O outputs of T_B items, its T_G members along the inputs.
//
// Layouts: x[xOffset + n * xBatch + i], weights[o * P_I + i], y and residual[offset + n * batch + o].
// The weights are read once for T_B items, in order: the layer is bound by their bytes. Partial sums meet in local memory in
// a fixed order. Tunables: T_G (a power of two), T_O, T_B, T_V (inputs per load; 4 where rows are aligned to it).
#define PW_WIDTH 1
#include "common/activation.cl"
#include "common/operand.cl"
#if !defined(T_G) || !defined(T_O) || !defined(T_B) || !defined(T_V) || !defined(P_I) || !defined(P_O) || !defined(P_N) || \
    !defined(P_X) || !defined(P_W) || !defined(P_Y) || !defined(P_R)
#error "fc_rows needs all its T_ and P_ macros"
#endif
#if T_V == 4
#define VALUE float4
#define LOAD_V(TYPE, p, i) LOAD_ALIGNED(TYPE, 4, p, i)
#else
#define VALUE float
#define LOAD_V(TYPE, p, i) LOAD(TYPE, 1, p, i)
#endif

__attribute__((reqd_work_group_size(T_G, 1, 1))) __kernel void fc_rows(
    __global const P_X* restrict x, __global const P_W* restrict w, __global const float* restrict bias,
    __global const P_R* restrict residual, __global const float* restrict slope, __global P_Y* restrict y, int xOffset,
    int xBatch, int yOffset, int yBatch, int rOffset, int rBatch) {
  __local float sums[T_O * T_B * T_G];
  const int item = get_local_id(0), o0 = get_group_id(0) * T_O, n0 = get_group_id(1) * T_B;
  VALUE acc[T_O][T_B];
#pragma unroll
  for (int o = 0; o < T_O; ++o)
#pragma unroll
    for (int b = 0; b < T_B; ++b) acc[o][b] = (VALUE)(0.0f);

  for (int i = item * T_V; i < P_I; i += T_G * T_V) {
    VALUE in[T_B];
#pragma unroll
    for (int b = 0; b < T_B; ++b) in[b] = LOAD_V(P_X, x, xOffset + min(n0 + b, P_N - 1) * xBatch + i);
#pragma unroll
    for (int o = 0; o < T_O; ++o) {
      const VALUE weight = LOAD_V(P_W, w, min(o0 + o, P_O - 1) * P_I + i);
#pragma unroll
      for (int b = 0; b < T_B; ++b) acc[o][b] = fma(weight, in[b], acc[o][b]);
    }
  }

#pragma unroll
  for (int o = 0; o < T_O; ++o)
#pragma unroll
    for (int b = 0; b < T_B; ++b) {
#if T_V == 4
      const float4 v = acc[o][b];
      sums[(o * T_B + b) * T_G + item] = (v.s0 + v.s1) + (v.s2 + v.s3);
#else
      sums[(o * T_B + b) * T_G + item] = acc[o][b];
#endif
    }
  for (int step = T_G / 2; step > 0; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < step)
      for (int s = 0; s < T_O * T_B; ++s) sums[s * T_G + item] += sums[s * T_G + item + step];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int s = item; s < T_O * T_B; s += T_G) {
    const int o = o0 + s / T_B, n = n0 + s % T_B;
    if (o < P_O && n < P_N) {
      const float added = P_HAS_RESIDUAL ? LOAD(P_R, 1, residual, rOffset + n * rBatch + o) : 0.0f;
      STORE(P_Y, 1, epilogue(sums[s * T_G], biasAt(bias, o), added, slopeAt(slope, o)), y, yOffset + n * yBatch + o);
    }
  }
}
