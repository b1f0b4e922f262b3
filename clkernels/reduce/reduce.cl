// reduce_item, reduce_group: one value per group of elements.
//
//   y[yOffset + sum(k_i * ys_i)] = finish(fold over r of x[xOffset + sum(k_i * ks_i) + sum(r_i * rs_i)])
// k_0..k_4 are the loops that stay, r_0..r_3 those that are reduced, innermost first.
// reduce_item: a work-item per value. reduce_group: a work-group of T_GROUP per value; each work-item folds every
// T_GROUP-th element, then a tree in local memory; the order depends on T_GROUP only, so results repeat.
//
// P_TYPE    element type in memory
// P_CTYPE   what is computed in: float, int or long; P_REAL 1: float
// P_START, P_FOLD(a, x), P_MERGE(a, b), P_FINISH(a, count)   the reduction
// T_GROUP   work-items of a group, a power of two
// P_ORDERED 1 (reduce_item): elements are taken in row-major order in runs of 128, so that floats do not depend on how axes lie
//           in memory (docs/numerics.md)
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/operand.cl"

#if !defined(P_TYPE) || !defined(P_CTYPE) || !defined(T_GROUP) || !defined(P_MODE)
#error "reduce needs P_TYPE, P_CTYPE, P_MODE and T_GROUP"
#endif

// Modes: 0 sum, 1 mean, 2 max, 3 min, 4 prod, 5 l1, 6 l2, 7 sum_square, 8 log_sum, 9 log_sum_exp.
#if P_MODE == 2
#define P_START P_LOWEST
// NaN stays: max() would leave what it gives to the device.
#define P_FOLD(a, x) ((x) > (a) || (x) != (x) ? (x) : (a))
#define P_MERGE(a, b) P_FOLD(a, b)
#elif P_MODE == 3
#define P_START P_HIGHEST
#define P_FOLD(a, x) ((x) < (a) || (x) != (x) ? (x) : (a))
#define P_MERGE(a, b) P_FOLD(a, b)
#elif P_MODE == 4
#define P_START 1
#define P_FOLD(a, x) ((a) * (x))
#define P_MERGE(a, b) ((a) * (b))
#elif P_MODE == 5
#define P_START 0
#define P_FOLD(a, x) ((a) + ((x) < 0 ? -(x) : (x)))
#define P_MERGE(a, b) ((a) + (b))
#elif P_MODE == 6 || P_MODE == 7
#define P_START 0
#define P_FOLD(a, x) ((a) + (x) * (x))
#define P_MERGE(a, b) ((a) + (b))
#elif P_MODE == 9
#define P_START (-INFINITY)
#define P_FOLD(a, x) logAddExp(a, x)
#define P_MERGE(a, b) logAddExp(a, b)
static inline float logAddExp(float a, float b) {
  const float high = a > b ? a : b, low = a > b ? b : a;  // a NaN is one of them
  return isinf(high) && low == low ? high : high + definedLog1p_1(definedExp_1(low - high));
}
#else
#define P_START 0
#define P_FOLD(a, x) ((a) + (x))
#define P_MERGE(a, b) ((a) + (b))
#endif

#if P_MODE == 1 && P_REAL
#define P_FINISH(a, count) definedDivide_1(a, (float)(count))
#elif P_MODE == 1
#define P_FINISH(a, count) ((a) / (P_CTYPE)(count))
#elif P_MODE == 6
#define P_FINISH(a, count) ((P_CTYPE)definedSqrt_1((float)(a)))
#elif P_MODE == 8
#define P_FINISH(a, count) definedLog_1(a)
#else
#define P_FINISH(a, count) (a)
#endif

// Elements that are folded one after the other: the results are merged, so that sums keep their digits.
#define RUN 128

#define PARAMETERS                                                                                                        \
  __global const P_TYPE *restrict x, __global P_TYPE *restrict y, int xOffset, int yOffset, int values, int count,      \
      int k0, int k1, int k2, int k3, int k4, int ks0, int ks1, int ks2, int ks3, int ks4, int ys0, int ys1, int ys2,     \
      int ys3, int ys4, int r0, int r1, int r2, int r3, int rs0, int rs1, int rs2, int rs3

// Offsets of value v in x and y.
#define KEPT(v)                                                                             \
  int from = xOffset, to = yOffset, rest = v;                                               \
  {                                                                                         \
    const int k[5] = {k0, k1, k2, k3, k4};                                                  \
    const int ks[5] = {ks0, ks1, ks2, ks3, ks4}, ys[5] = {ys0, ys1, ys2, ys3, ys4};         \
    for (int i = 0; i < 5; ++i) {                                                           \
      from += rest % k[i] * ks[i];                                                          \
      to += rest % k[i] * ys[i];                                                            \
      rest /= k[i];                                                                         \
    }                                                                                       \
  }

__kernel void reduce_item(PARAMETERS) {
  const int v = get_global_id(0);
  if (v >= values) return;
  KEPT(v)
  P_CTYPE sum = P_START;
#if P_ORDERED
  for (int begin = 0; begin < count; begin += RUN) {
    P_CTYPE run = P_START;
    for (int j = begin; j < min(begin + RUN, count); ++j) {
      const int at = from + j % r0 * rs0 + j / r0 % r1 * rs1 + j / (r0 * r1) % r2 * rs2 + j / (r0 * r1 * r2) * rs3;
      const P_CTYPE value = LOAD_NUMBERS(P_TYPE, 1, x, at);
      run = P_FOLD(run, value);
    }
    sum = P_MERGE(sum, run);
  }
#else
  for (int c = 0; c < r3; ++c)
    for (int b = 0; b < r2; ++b) {
      P_CTYPE plane = P_START;
      for (int a = 0; a < r1; ++a) {
        const int line = from + c * rs3 + b * rs2 + a * rs1;
        for (int begin = 0; begin < r0; begin += RUN) {
          P_CTYPE run = P_START;
          for (int i = begin; i < min(begin + RUN, r0); ++i) {
            const P_CTYPE value = LOAD_NUMBERS(P_TYPE, 1, x, line + i * rs0);
            run = P_FOLD(run, value);
          }
          plane = P_MERGE(plane, run);
        }
      }
      sum = P_MERGE(sum, plane);
    }
#endif
  STORE_NUMBERS(P_TYPE, 1, P_FINISH(sum, count), y, to);
}

__kernel void reduce_group(PARAMETERS) {
  __local P_CTYPE partial[T_GROUP];
  const int lane = get_local_id(0);
  KEPT((int)get_group_id(0))
  P_CTYPE sum = P_START;
  for (int line = 0; line < r1 * r2 * r3; ++line) {
    const int begin = from + line % r1 * rs1 + line / r1 % r2 * rs2 + line / r1 / r2 * rs3;
    for (int first = lane; first < r0; first += RUN * T_GROUP) {
      P_CTYPE run = P_START;
      for (int i = first; i < min(first + RUN * T_GROUP, r0); i += T_GROUP) {
        const P_CTYPE value = LOAD_NUMBERS(P_TYPE, 1, x, begin + i * rs0);
        run = P_FOLD(run, value);
      }
      sum = P_MERGE(sum, run);
    }
  }
  partial[lane] = sum;
  for (int half_ = T_GROUP / 2; half_ > 0; half_ /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < half_) partial[lane] = P_MERGE(partial[lane], partial[lane + half_]);
  }
  if (lane == 0) STORE_NUMBERS(P_TYPE, 1, P_FINISH(partial[0], count), y, to);
}
