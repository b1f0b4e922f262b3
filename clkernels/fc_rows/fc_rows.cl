// fc_rows, q_fc_rows: fully connected layers of few items: a work-group sums T_O outputs of T_B items, its T_G members along
// the inputs: floats, or words of four codes.
//
// Layouts: x[xOffset + n * xBatch + i], i < P_I; weights[o * P_I + i], of codes words [o * STEPS + i / 4], zero beyond P_I;
//   y and residual[offset + n * batch + o]. Types, epilogue: common/finish.cl.
// The weights are read once for T_B items, in order: the layer is bound by their bytes. Partial sums meet in local memory in
// a fixed order.
// P_WORDS  codes: 1 where x is read in words, 0 byte by byte (rows that do not begin or end at words)
// Tunables: T_G (a power of two), T_O, T_B, T_V (floats or words per load: 4 where all rows are whole vectors, else 1).
#define PW_WIDTH 1
#include "common/finish.cl"
#if !defined(T_G) || !defined(T_O) || !defined(T_B) || !defined(T_V) || !defined(P_I) || !defined(P_O) || !defined(P_N) || \
    !defined(P_WORDS)
#error "fc_rows needs all its T_ and P_ macros"
#endif

// STEPS inputs of an output as they are multiplied, VALUE what a load takes of them; sums of a VALUE's products are ACC.
#if P_CODES
#include "common/dot4.cl"
#define STEPS ((P_I + 3) / 4)
#define ACC int
#define WHOLE_SUM(acc) (acc)
#define LOAD_W(w, i) ((__global const VALUE*)(w))[i]
#if T_V == 4
#define VALUE int4
static inline int multiplyAdd(int4 a, int4 b, int sum) {
  return dot4(a.s0, b.s0, dot4(a.s1, b.s1, dot4(a.s2, b.s2, dot4(a.s3, b.s3, sum))));
}
#else
#define VALUE int
#define multiplyAdd(a, b, sum) dot4(a, b, sum)
#endif
static inline VALUE loadX(__global const char* row, int i) {
#if P_WORDS
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
#else
#define STEPS P_I
#define ACC VALUE
#define LOAD_W(w, i) LOAD_ALIGNED(P_WEIGHTS, T_V, w, (i) * T_V)
#define loadX(row, i) LOAD_ALIGNED(P_X, T_V, row, (i) * T_V)
#define multiplyAdd(a, b, sum) fma(a, b, sum)
#if T_V == 4
#define VALUE float4
#define WHOLE_SUM(acc) (((acc).s0 + (acc).s1) + ((acc).s2 + (acc).s3))
#else
#define VALUE float
#define WHOLE_SUM(acc) (acc)
#endif
#endif

__attribute__((reqd_work_group_size(T_G, 1, 1))) __kernel void fc_rows(
    __global const P_X* restrict x, __global const P_WEIGHTS* restrict w, FINISH_OPERANDS, __global P_Y* restrict y,
    int xOffset, int xBatch, int yOffset, int yBatch, int rOffset, int rBatch) {
  __local SUM sums[T_O * T_B * T_G];
  const int item = get_local_id(0), o0 = get_group_id(0) * T_O, n0 = get_group_id(1) * T_B;
  const int outputStride = STEPS * (P_CODES ? 4 : 1);
  ACC acc[T_O][T_B];
#pragma unroll
  for (int o = 0; o < T_O; ++o)
#pragma unroll
    for (int b = 0; b < T_B; ++b) acc[o][b] = (ACC)(0);

  for (int i = item; i < STEPS / T_V; i += T_G) {
    VALUE in[T_B];
#pragma unroll
    for (int b = 0; b < T_B; ++b) in[b] = loadX(x + (xOffset + min(n0 + b, P_N - 1) * xBatch), i);
#pragma unroll
    for (int o = 0; o < T_O; ++o) {
      const VALUE weight = LOAD_W(w + min(o0 + o, P_O - 1) * outputStride, i);
#pragma unroll
      for (int b = 0; b < T_B; ++b) acc[o][b] = multiplyAdd(weight, in[b], acc[o][b]);
    }
  }

#pragma unroll
  for (int o = 0; o < T_O; ++o)
#pragma unroll
    for (int b = 0; b < T_B; ++b) sums[(o * T_B + b) * T_G + item] = WHOLE_SUM(acc[o][b]);
  for (int step = T_G / 2; step > 0; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < step)
      for (int s = 0; s < T_O * T_B; ++s) sums[s * T_G + item] += sums[s * T_G + item + step];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const Finish finish = FINISH;
  for (int s = item; s < T_O * T_B; s += T_G) {
    const int o = o0 + s / T_B, n = n0 + s % T_B;
    if (o < P_O && n < P_N)
      storeFinished(finished(sums[s * T_G], finish, o, P_O, 0, rOffset + n * rBatch + o), finish, y, yOffset + n * yBatch + o);
  }
}
