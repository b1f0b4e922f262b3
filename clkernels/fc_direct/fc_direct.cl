// fc_direct, q_fc_direct: fully connected layers for CPUs: y = x * weights^T. A work-item computes up to `rowsOfItem` rows for
// T_TK groups of 16 outputs, T_TM rows at a time in registers; the packed weights stream through in order. A step multiplies
// one float, or a word of four codes, of each row.
//
// Layouts (offsets, strides in elements):
//   x  xOffset + n * xBatch + i, i < inputs;  y  yOffset + n * yBatch + o, o < outputs; the residual likewise
//   w  [tile of T_TK * 16 outputs][steps][T_TK * 16] floats or words, zero-padded
//   corrections (codes) [outputs], padded: minus 128 times the sum of an output's weights
// Types, epilogue: common/finish.cl.
// `panel`: steps per pass over the rows; a panel's weights stay in the second-level cache between rows.
// P_ROWS   rows whose sums wait in private memory from pass to pass: T_TM where there is one pass, else rowsOfItem rounded up
#if !defined(T_TM) || !defined(T_TK) || !defined(P_ROWS)
#error "fc_direct needs T_TM, T_TK and P_ROWS"
#endif
#include "common/finish.cl"

#if P_CODES
#include "common/dot4.cl"
#define STEPS(inputs) (((inputs) + 3) / 4)
#define WORD 4  // elements of w in a step
#define TAPS_OPERANDS __global const char *w, __global const int *corrections
#define WEIGHTS16(w, i) vload16(i, (__global const int*)(w))
#define FIRST_SUMS(k) (BIASED_CODES ? vload16(0, corrections + (k)) : (int16)(0))
#define STEP_T uint16
#define MULTIPLY_ADD(value, weights, sums) dot4x16(value, weights, sums)
// Four codes of a row, zeros from `inputs` on.
static inline uint16 stepAt(__global const char* row, int i, int inputs) {
  i *= 4;
  if (i + 4 <= inputs) return (uint16)(as_uint(vload4(0, row + i)) ^ CODE_BIAS);
  uint word = 0;
  for (int c = 0; i + c < inputs; ++c) word |= (uint)(uchar)row[i + c] << (8 * c);
  return (uint16)(word ^ CODE_BIAS);
}
#else
#define STEPS(inputs) (inputs)
#define WORD 1
#define TAPS_OPERANDS __global const P_WEIGHTS *w
#define WEIGHTS16(w, i) LOAD(P_WEIGHTS, 16, w, (i) * 16)
#define FIRST_SUMS(k) (float16)(0.0f)
#define STEP_T float16
#define MULTIPLY_ADD(value, weights, sums) fma(value, weights, sums)
#define stepAt(row, i, inputs) (float16)(LOAD(P_X, 1, row, i))
#endif

// Result of a row's 16 outputs from k on; y and the residual may end inside.
static inline void storeOutputs(SUMS sums, const Finish finish, int k, int outputs, long rest, __global P_Y* y, long at) {
  const int lanes = outputs - k;
  if (lanes >= 16) {
    storeFinished(finished(sums, finish, k, outputs, 0, rest), finish, y, at);
    return;
  }
  float part[16] = {0.0f};
#if P_HAS_RESIDUAL
  for (int i = 0; i < lanes; ++i) part[i] = residualAt(finish, rest + i);
#endif
  vstore16(stored(finishedWith(sums, finish, k, 0, vload16(0, part)), finish), 0, part);
  for (int i = 0; i < lanes; ++i) STORE(P_Y, 1, part[i], y, at + i);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void fc_direct(
    __global const P_X* x, TAPS_OPERANDS, FINISH_OPERANDS, __global P_Y* y, int xOffset, int xBatch, int yOffset, int yBatch,
    int rOffset, int rBatch, int batch, int inputs, int outputs, int rowsOfItem, int panel) {
  const int row0 = get_global_id(1) * rowsOfItem, rows = min(rowsOfItem, batch - row0), steps = STEPS(inputs);
  const int k0 = get_global_id(0) * T_TK * 16;
  const Finish finish = FINISH;
  x += xOffset + (long)row0 * xBatch;
  w += (long)k0 * steps * WORD;

  SUMS kept[P_ROWS * T_TK];
  for (int begin = 0; begin < steps; begin += panel) {
    const int end = min(steps, begin + panel);
    for (int m0 = 0; m0 < rows; m0 += T_TM) {
      SUMS* sums = kept + (P_ROWS > T_TM ? m0 * T_TK : 0);
      // The last rows of an uneven batch are read twice and the surplus thrown away.
      __global const P_X* source[T_TM];
      SUMS acc[T_TM][T_TK];
#pragma unroll
      for (int m = 0; m < T_TM; ++m) {
        source[m] = x + (long)min(m0 + m, rows - 1) * xBatch;
#pragma unroll
        for (int j = 0; j < T_TK; ++j) acc[m][j] = begin > 0 ? sums[m * T_TK + j] : FIRST_SUMS(k0 + j * 16);
      }
      for (int i = begin; i < end; ++i) {
        SUMS weights[T_TK];
#pragma unroll
        for (int j = 0; j < T_TK; ++j) weights[j] = WEIGHTS16(w, (long)i * T_TK + j);
#pragma unroll
        for (int m = 0; m < T_TM; ++m) {
          const STEP_T value = stepAt(source[m], i, inputs);
#pragma unroll
          for (int j = 0; j < T_TK; ++j) acc[m][j] = MULTIPLY_ADD(value, weights[j], acc[m][j]);
        }
      }
#pragma unroll
      for (int m = 0; m < T_TM; ++m)
#pragma unroll
        for (int j = 0; j < T_TK; ++j) sums[m * T_TK + j] = acc[m][j];
      if (end < steps) continue;
      for (int m = m0; m < min(m0 + T_TM, rows); ++m)
        for (int k = k0; k < min(k0 + T_TK * 16, outputs); k += 16)
          storeOutputs(sums[(m - m0) * T_TK + (k - k0) / 16], finish, k, outputs, rOffset + (long)(row0 + m) * rBatch + k, y,
                       yOffset + (long)(row0 + m) * yBatch + k);
    }
  }
}
