// The end of families that serve floats and codes alike: epilogue, padding lanes, store. Sums are f32, of operands kept as
// float or half (common/operand.cl), or integers, of codes (common/quant.cl).
//
// PW_WIDTH         channels of a value, 16 unless the including file defines it
// P_CODES          1: x and weights are codes; 0: floats
// P_X, P_WEIGHTS, P_R, P_Y  elements of input, weights, residual and output: float, half or char
// D_STREAM         1: the output is far larger than the caches, of floats aligned to vectors: it bypasses the caches
// SUM, SUMS        type of a sum, and of PW_WIDTH of them
// FINISH_OPERANDS  parameters of a kernel that FINISH collects in a Finish; zeroTerms: see CORRECTED in common/quant.cl
#if !defined(P_CODES) || !defined(P_X) || !defined(P_WEIGHTS) || !defined(P_R) || !defined(P_Y) || !defined(D_STREAM)
#error "finish.cl needs P_CODES, P_X, P_WEIGHTS, P_R, P_Y and D_STREAM"
#endif
#ifndef PW_WIDTH
#define PW_WIDTH 16
#endif
#include "common/activation.cl"
#include "common/operand.cl"
#if P_CODES
#include "common/quant.cl"
#define SUM int
#define FINISH_OPERANDS                                                                               \
  __global const float *multiplier, __global const int *zeroTerms, float rate, float zero, float residualScale,   \
      float residualZero, __global const float *bias, __global const P_R *residual, __global const float *slope
#define FINISH \
  {bias, slope, residual, multiplier, zeroTerms, WITH_ZERO(rate, zero), WITH_ZERO(residualScale, residualZero)}
#else
#define SUM float
#define FINISH_OPERANDS __global const float *bias, __global const P_R *residual, __global const float *slope
#define FINISH {bias, slope, residual}
#endif
#if PW_WIDTH == 1
#define SUMS SUM
#else
#define SUMS PW_CAT(SUM, PW_WIDTH)
#endif

typedef struct {
  __global const float *bias, *slope;
  __global const P_R* residual;
#if P_CODES
  __global const float* multiplier;
  __global const int* zeroTerms;
  RATE rate;
  CODE_SCALE residualScale;
#endif
} Finish;

// Results of the channels from k on at a position of the output, with their residual.
static inline PW_T finishedWith(SUMS sums, const Finish f, int k, int position, PW_T residual) {
  const PW_T bias = biasAt(f.bias, k), slope = slopeAt(f.slope, k);
#if P_CODES
  return quantisedEpilogue(CORRECTED(sums, f.zeroTerms, position, k), PW_LOAD(f.multiplier, k), bias, residual, slope);
#else
  return epilogue(sums, bias, residual, slope);
#endif
}

// As above; those from K on are padding; i: their place in the residual.
static inline PW_T finished(SUMS sums, const Finish f, int k, int K, int position, long i) {
#if P_CODES
  const PW_T residual = P_HAS_RESIDUAL ? loadResidual(f.residual + i, 0, f.residualScale) : LIT(0.0f);
#else
  const PW_T residual = P_HAS_RESIDUAL ? LOAD(P_R, PW_WIDTH, f.residual, i) : LIT(0.0f);
#endif
  const PW_T value = finishedWith(sums, f, k, position, residual);
#if P_CODES
  return k + PW_WIDTH <= K ? value : padLanes(value, K - k, f.rate);
#else
  return k + PW_WIDTH <= K ? value : maskLanes(value, K - k);
#endif
}

// One value of the residual; and what of a value is stored, for families that move single lanes.
static inline float residualAt(const Finish f, long i) {
#if P_CODES && P_RESIDUAL_CODED
#if P_ZEROS
  return (LOAD(P_R, 1, f.residual, i) - f.residualScale.y) * f.residualScale.x;
#else
  return LOAD(P_R, 1, f.residual, i) * f.residualScale;
#endif
#else
  return LOAD(P_R, 1, f.residual, i);
#endif
}
static inline PW_T stored(PW_T value, const Finish f) {
#if P_CODES && P_CODED
  return PW_TO_FLOAT(encode(value, f.rate));
#else
  return value;
#endif
}

static inline void storeFinished(PW_T value, const Finish f, __global P_Y* y, long i) {
#if P_CODES
  storeResult(value, y + i, 0, f.rate);
#elif D_STREAM
  __builtin_nontemporal_store(value, (__global PW_T*)(y + i));
#else
  STORE(P_Y, PW_WIDTH, value, y, i);
#endif
}
