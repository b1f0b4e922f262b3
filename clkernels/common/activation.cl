// The epilogue of convolutions and their kin: y = act(value + bias + residual), each operation rounded separately.
//
// Include after defining PW_WIDTH (floats in a value; see common/pointwise.cl). clkernels/common/epilogue.hpp sets:
// P_ACT                 row of pointwise.def, or None; with P_SLOPE != 0 the activation is PRelu whatever P_ACT says
// P_ALPHA, P_BETA       its parameters, float literals
// P_HAS_BIAS            0, 1: one float per output channel
// P_HAS_RESIDUAL        0, 1: a tensor of the output's shape, added before the activation
// P_SLOPE               slope of PRelu: 0 none, 1 one value, 2 one per output channel
//
// Pass zeros for absent terms: the functions ignore them and the compiler drops their loads. A kernel always takes the
// three pointers; absent ones are null (addEpilogueArgs in epilogue.hpp) and never read.
#include "common/pointwise.cl"

#if !defined(P_ACT) || !defined(P_ALPHA) || !defined(P_BETA) || !defined(P_HAS_BIAS) || !defined(P_HAS_RESIDUAL) || \
    !defined(P_SLOPE)
#error "the epilogue needs P_ACT, P_ALPHA, P_BETA, P_HAS_BIAS, P_HAS_RESIDUAL and P_SLOPE"
#endif

static inline PW_T pw_None(PW_T x, PW_T alpha, PW_T beta) { return x; }

static inline PW_T activate(PW_T x, PW_T slope) {
#if P_SLOPE != 0
  return x < LIT(0.0f) ? slope * x : x;
#else
  return PW_CAT(pw_, P_ACT)(x, (PW_T)(P_ALPHA), (PW_T)(P_BETA));
#endif
}

static inline PW_T beforeActivation(PW_T value, PW_T bias, PW_T residual) {
#pragma OPENCL FP_CONTRACT OFF
#if P_HAS_BIAS
  value = value + bias;
#endif
#if P_HAS_RESIDUAL
  value = value + residual;
#endif
  return value;
}
// The whole epilogue on values: `value` is the accumulator in float.
static inline PW_T epilogue(PW_T value, PW_T bias, PW_T residual, PW_T slope) {
  return activate(beforeActivation(value, bias, residual), slope);
}

// Bias or slope of the PW_WIDTH channels from c on: vector loads must stay inside the array, so blocked families
// pass arrays padded to whole blocks (paddedChannels in epilogue.hpp).
static inline PW_T biasAt(__global const float* bias, int c) { return P_HAS_BIAS ? PW_LOAD(bias, c) : LIT(0.0f); }
static inline PW_T slopeAt(__global const float* slope, int c) {
#if P_SLOPE == 2
  return PW_LOAD(slope, c);
#elif P_SLOPE == 1
  return (PW_T)(slope[0]);
#else
  return LIT(0.0f);
#endif
}

// The epilogue with f32 operands in memory: c the (first) output channel, i the index into the residual.
static inline PW_T epilogueAt(PW_T value, int c, int i, __global const float* bias, __global const float* residual,
                              __global const float* slope) {
  return epilogue(value, biasAt(bias, c), P_HAS_RESIDUAL ? PW_LOAD(residual, i) : LIT(0.0f), slopeAt(slope, c));
}

// Lanes from `valid` on become 0, as padding lanes of a blocked layout must (an activation need not keep 0).
#if PW_WIDTH == 1
static inline float maskLanes(float value, int valid) { return valid > 0 ? value : 0.0f; }
#else
#define PW_LANES PW_CAT(PW_LANES_, PW_WIDTH)
#define PW_LANES_2 (int2)(0, 1)
#define PW_LANES_4 (int4)(0, 1, 2, 3)
#define PW_LANES_8 (int8)(0, 1, 2, 3, 4, 5, 6, 7)
#define PW_LANES_16 (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
static inline PW_T maskLanes(PW_T value, int valid) { return PW_LANES < valid ? value : LIT(0.0f); }
#endif
