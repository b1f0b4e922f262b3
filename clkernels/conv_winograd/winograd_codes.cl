// Arithmetic of conv_winograd.cl in codes, exact: all transforms are in integers, and sums are modulo 2^32, as dot4's are. With
// codes of 8 bits the transformed inputs stay below 12801 and the transformed weights (winograd_weights.cpp) below 18289, which
// fit 16 bits; a step of the products takes a pair of channels.
//
// F(4, 3) interpolates at 0, +-1, +-2 and infinity. The weights' side is scaled by 24, F(2, 3)'s by 2, which makes it whole; so
// the output's transform gives 576 times the sums, or 4 times. Of 576 = 9 * 2^6 the 9 divides modulo 2^32, by its inverse there;
// what is left fits a sum of 26 bits (30 for F(2, 3)), whose sign the shift restores. `passes` says how many input blocks of 16
// channels can never exceed them: where it is fewer than there are, sums of several passes are added (PARTIAL).
//
// P_PARTIAL  1: some tile may need more than one pass; `kept` [T_TK][TILES][T_M * T_M][16] holds the sums between passes
#ifndef P_PARTIAL
#error "winograd_codes.cl needs P_PARTIAL"
#endif
#include "common/dot4.cl"
#define VALUE short
#define VALUES short16
#define PIXEL_T char16
#define STEP_T uint
#define STEP_CHANNELS 2
#define PIXEL(p, i) convert_short16(vload16(i, p))
#define MULTIPLY_ADD(value, weights, sums) dot2x16((uint16)(value), weights, sums)

#define WEIGHTS_OPERANDS __global const int *u, __global const int *passes, __global uint *kept
#define PASS(kt, cBlocks) (passes[kt])
#define PARTIAL P_PARTIAL

#define SUMS_T uint16
#define AS_SUMS_T(sums) as_uint16(sums)
#define TIMES2(v) ((v) + (v))
#define TIMES4(v) ((v) << 2)
#if T_M == 2
static inline void inputTransform(const short16* d, short16* v) {
  v[0] = d[0] - d[2];
  v[1] = d[2] + d[1];
  v[2] = d[2] - d[1];
  v[3] = d[1] - d[3];
}

static inline void outputTransform(const uint16* m, uint16* y) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}

static inline uint16 wholeSum(uint16 sum) { return as_uint16(as_int16(sum) >> 2); }
#elif T_M == 4
static inline void inputTransform(const short16* d, short16* v) {
  const short16 even2 = d[4] - d[2], odd2 = TIMES2(d[3] - d[1]);
  const short16 even1 = d[4] - TIMES4(d[2]), odd1 = d[3] - TIMES4(d[1]);
  v[0] = TIMES4(d[0] - d[2]) + even2;
  v[1] = even1 + odd1;
  v[2] = even1 - odd1;
  v[3] = even2 + odd2;
  v[4] = even2 - odd2;
  v[5] = TIMES4(d[1] - d[3]) + d[5] - d[3];
}

static inline void outputTransform(const uint16* m, uint16* y) {
  const uint16 sum1 = m[1] + m[2], difference1 = m[1] - m[2];
  const uint16 sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = difference1 + TIMES2(difference2);
  y[2] = sum1 + (sum2 << 2);
  y[3] = difference1 + (difference2 << 3) + (m[5] << 2);
}

// 9 * 0x38e38e39 = 1 modulo 2^32
static inline uint16 wholeSum(uint16 sum) { return as_uint16(as_int16(sum * (uint16)(0x38e38e39u)) >> 6); }
#else
#error "T_M is 2 or 4"
#endif
static inline void wholeSums(uint16* sums) {
  for (int i = 0; i < T_M * T_M; ++i) sums[i] = wholeSum(sums[i]);
}
static inline float16 result(uint16 sums, const Finish f, int k, long i) {
  const float16 residual = P_HAS_RESIDUAL ? loadResidual(f.residual + i, 0, f.residualScale) : LIT(0.0f);
  return quantisedEpilogue(as_int16(sums), PW_LOAD(f.multiplier, k), biasAt(f.bias, k), residual, slopeAt(f.slope, k));
}
