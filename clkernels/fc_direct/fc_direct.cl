// fc_direct: fully connected layer for CPUs: y = x * weights^T. A work-item computes up to P_ROWS rows for T_TK groups
// of 16 outputs, T_TM rows at a time in registers; the packed weights stream through once, in order, for all its rows.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + i, i < inputs;  y  yOffset + n * yBatch + o, o < outputs; the residual likewise
//   w  [tile of T_TK * 16 outputs][inputs][T_TK * 16], zero-padded
// P_T: float or half, all operands in memory but bias and slope; sums are float.
// `panel`: inputs per pass over the rows; the panel's weights stay in the second-level cache between rows.
#if !defined(T_TM) || !defined(T_TK) || !defined(P_ROWS) || !defined(P_T)
#error "fc_direct needs T_TM, T_TK, P_ROWS and P_T"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"
#include "common/operand.cl"

static inline float16 loadLanes(__global const P_T* from, int lanes) {
  if (lanes >= 16) return LOAD(P_T, 16, from, 0);
  float part[16] = {0.0f};
  for (int i = 0; i < lanes; ++i) part[i] = LOAD(P_T, 1, from, i);
  return vload16(0, part);
}
static inline void storeLanes(float16 value, __global P_T* to, int lanes) {
  if (lanes >= 16) {
    STORE(P_T, 16, value, to, 0);
    return;
  }
  float part[16];
  vstore16(value, 0, part);
  for (int i = 0; i < lanes; ++i) STORE(P_T, 1, part[i], to, i);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void fc_direct(
    __global const P_T* x, __global const P_T* w, __global const float* bias, __global const P_T* residual,
    __global const float* slope, __global P_T* y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
    int rBatch, int batch, int inputs, int outputs, int panel) {
  const int row0 = get_global_id(1) * P_ROWS, rows = min(P_ROWS, batch - row0);
  const int k0 = get_global_id(0) * T_TK * 16;
  x += xOffset + (long)row0 * xBatch;
  w += (long)k0 * inputs;

  float16 sums[P_ROWS * T_TK];
  for (int i = 0; i < P_ROWS * T_TK; ++i) sums[i] = 0.0f;
  for (int begin = 0; begin < inputs; begin += panel) {
    const int end = min(inputs, begin + panel);
    for (int m0 = 0; m0 < rows; m0 += T_TM) {
      // The last rows of an uneven batch are read twice and the surplus thrown away.
      __global const P_T* source[T_TM];
      float16 acc[T_TM][T_TK];
#pragma unroll
      for (int m = 0; m < T_TM; ++m) {
        source[m] = x + (long)min(m0 + m, rows - 1) * xBatch;
#pragma unroll
        for (int j = 0; j < T_TK; ++j) acc[m][j] = sums[min(m0 + m, P_ROWS - 1) * T_TK + j];
      }
      for (int i = begin; i < end; ++i) {
        float16 weights[T_TK];
#pragma unroll
        for (int j = 0; j < T_TK; ++j) weights[j] = LOAD(P_T, 16, w, ((long)i * T_TK + j) * 16);
#pragma unroll
        for (int m = 0; m < T_TM; ++m) {
          const float16 value = (float16)(LOAD(P_T, 1, source[m], i));
#pragma unroll
          for (int j = 0; j < T_TK; ++j) acc[m][j] = fma(value, weights[j], acc[m][j]);
        }
      }
#pragma unroll
      for (int m = 0; m < T_TM; ++m)
#pragma unroll
        for (int j = 0; j < T_TK; ++j)
          if (m0 + m < rows) sums[(m0 + m) * T_TK + j] = acc[m][j];
    }
  }

  for (int m = 0; m < rows; ++m) {
    for (int j = 0; j < T_TK; ++j) {
      const int k = k0 + j * 16, lanes = outputs - k;
      if (lanes <= 0) break;
      float16 added = 0.0f;
#if P_HAS_RESIDUAL
      added = loadLanes(residual + rOffset + (long)(row0 + m) * rBatch + k, lanes);
#endif
      const float16 value = epilogue(sums[m * T_TK + j], biasAt(bias, k), added, slopeAt(slope, k));
      storeLanes(value, y + yOffset + (long)(row0 + m) * yBatch + k, lanes);
    }
  }
}
