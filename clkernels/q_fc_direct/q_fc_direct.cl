// q_fc_direct: INT8 fully connected layer for CPUs: sums = x * weights^T, then the epilogue of common/quant.cl. A work-item
// computes up to `rows` rows for T_TK groups of 16 outputs, T_TM rows at a time in registers.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + i, i < inputs;  y  yOffset + n * yBatch + o, o < outputs; the residual likewise
//   w  [tile of T_TK * 16 outputs][inputs / 4][T_TK * 16][4], zero-padded
//   corrections [outputs], padded: minus 128 times the sum of an output's weights
#if !defined(T_TM) || !defined(T_TK)
#error "q_fc_direct needs T_TM and T_TK"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"
#include "common/dot4.cl"
#include "common/quant.cl"

// Four codes of a row, zeros from `count` on.
static inline uint codesAt(__global const char* row, int i, int count) {
  if (i + 4 <= count) return as_uint(vload4(0, row + i)) ^ CODE_BIAS;
  uint word = 0;
  for (int c = 0; i + c < count; ++c) word |= (uint)(uchar)row[i + c] << (8 * c);
  return word ^ CODE_BIAS;
}

static inline float16 residualLanes(__global const Q_RESIDUAL* residual, int lanes, float scale) {
  if (lanes >= 16) return loadResidual(residual, 0, scale);
  Q_RESIDUAL part[16] = {0};
  for (int i = 0; i < lanes; ++i) part[i] = residual[i];
#if P_RESIDUAL_CODED
  return decode(vload16(0, part), scale);
#else
  return vload16(0, part);
#endif
}

static inline void storeLanes(float16 value, __global Q_RESULT* y, int lanes, float rate) {
  if (lanes >= 16) {
    storeResult(value, y, 0, rate);
    return;
  }
  Q_RESULT part[16];
#if P_CODED
  vstore16(encode(value, rate), 0, part);
#else
  vstore16(value, 0, part);
#endif
  for (int i = 0; i < lanes; ++i) y[i] = part[i];
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void q_fc_direct(
    __global const char* x, __global const char* w, __global const int* corrections, __global const float* multiplier,
    __global const float* bias, __global const Q_RESIDUAL* residual, __global const float* slope, __global Q_RESULT* y,
    float rate, float residualScale, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset, int rBatch, int batch,
    int inputs, int outputs, int rows) {
  const int rowBegin = get_global_id(1) * rows, rowEnd = min(batch, rowBegin + rows);
  const int k0 = get_global_id(0) * T_TK * 16, quads = (inputs + 3) / 4;
  __global const int* weights = (__global const int*)w + (long)k0 * quads;
  x += xOffset;

  for (int row = rowBegin; row < rowEnd; row += T_TM) {
    // The last rows of an uneven batch are read twice and the surplus thrown away.
    __global const char* source[T_TM];
    int16 acc[T_TM][T_TK];
#pragma unroll
    for (int m = 0; m < T_TM; ++m) {
      source[m] = x + (long)min(row + m, rowEnd - 1) * xBatch;
#pragma unroll
      for (int j = 0; j < T_TK; ++j)
        acc[m][j] = BIASED_CODES ? vload16(0, corrections + k0 + j * 16) : (int16)(0);
    }
    for (int q = 0; q < quads; ++q) {
      int16 taps[T_TK];
#pragma unroll
      for (int j = 0; j < T_TK; ++j) taps[j] = vload16((long)q * T_TK + j, weights);
#pragma unroll
      for (int m = 0; m < T_TM; ++m) {
        const uint16 value = (uint16)(codesAt(source[m], q * 4, inputs));
#pragma unroll
        for (int j = 0; j < T_TK; ++j) acc[m][j] = dot4x16(value, taps[j], acc[m][j]);
      }
    }
#pragma unroll
    for (int m = 0; m < T_TM; ++m) {
#pragma unroll
      for (int j = 0; j < T_TK; ++j) {
        const int k = k0 + j * 16, lanes = outputs - k;
        if (row + m >= rowEnd || lanes <= 0) continue;
        float16 added = 0.0f;
#if P_HAS_RESIDUAL
        added = residualLanes(residual + rOffset + (long)(row + m) * rBatch + k, lanes, residualScale);
#endif
        const float16 value =
            quantisedEpilogue(acc[m][j], vload16(0, multiplier + k), biasAt(bias, k), added, slopeAt(slope, k));
        storeLanes(value, y + yOffset + (long)(row + m) * yBatch + k, lanes, rate);
      }
    }
  }
}
