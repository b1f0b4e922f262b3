// The end of the families for CPUs that sum 16 channels of a pixel in a vector: epilogue, padding lanes, store. Sums are f32,
// of operands kept as float or half (common/operand.cl), or integers, of codes (common/quant.cl).
//
// P_CODES          1: x and weights are codes; 0: floats
// P_X, P_WEIGHTS, P_R, P_Y  elements of input, weights, residual and output: float, half or char
// D_STREAM         1: the output is far larger than the caches, of floats aligned to vectors: it bypasses the caches
// SUM, SUM16       type of a sum, and of 16
// FINISH_OPERANDS  parameters of a kernel that FINISH collects in a Finish
#if !defined(P_CODES) || !defined(P_X) || !defined(P_WEIGHTS) || !defined(P_R) || !defined(P_Y) || !defined(D_STREAM)
#error "finish.cl needs P_CODES, P_X, P_WEIGHTS, P_R, P_Y and D_STREAM"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"
#include "common/operand.cl"
#if P_CODES
#include "common/quant.cl"
#define SUM int
#define FINISH_OPERANDS                                                                               \
  __global const float *multiplier, float rate, float residualScale, __global const float *bias,      \
      __global const P_R *residual, __global const float *slope
#define FINISH {bias, slope, residual, multiplier, rate, residualScale}
#else
#define SUM float
#define FINISH_OPERANDS __global const float *bias, __global const P_R *residual, __global const float *slope
#define FINISH {bias, slope, residual}
#endif
#define SUM16 PW_CAT(SUM, 16)

typedef struct {
  __global const float *bias, *slope;
  __global const P_R* residual;
#if P_CODES
  __global const float* multiplier;
  float rate, residualScale;
#endif
} Finish;

// Results of channels k .. k + 15, of which those from K on are padding; i: their place in the residual.
static inline float16 finished(SUM16 sums, const Finish f, int k, int K, long i) {
  const float16 bias = biasAt(f.bias, k), slope = slopeAt(f.slope, k);
#if P_CODES
  const float16 residual = P_HAS_RESIDUAL ? loadResidual(f.residual + i, 0, f.residualScale) : (float16)(0.0f);
  const float16 value = quantisedEpilogue(sums, vload16(0, f.multiplier + k), bias, residual, slope);
#else
  const float16 residual = P_HAS_RESIDUAL ? LOAD(P_R, 16, f.residual, i) : (float16)(0.0f);
  const float16 value = epilogue(sums, bias, residual, slope);
#endif
  return k + 16 <= K ? value : maskLanes(value, K - k);
}

static inline void storeFinished(float16 value, const Finish f, __global P_Y* y, long i) {
#if P_CODES
  storeResult(value, y + i, 0, f.rate);
#elif D_STREAM
  __builtin_nontemporal_store(value, (__global float16*)(y + i));
#else
  STORE(P_Y, 16, value, y, i);
#endif
}
