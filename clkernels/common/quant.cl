// Codes: encoding, decoding, and the INT8 epilogue of docs/numerics.md. Include after common/activation.cl, whose
// epilogue it completes; values are PW_T (PW_WIDTH floats).
//
// P_CODED           1: results are codes (char), 0: floats
// P_RESIDUAL_CODED  1: the residual holds codes, 0: floats
// P_ZEROS           1: codes have zero points and go from -128 to 127; 0: they lie around 0, from -127 to 127
// P_CORRECTED       1: x has a zero point other than 0, which sums are corrected for
// P_BOUNDS          the activation of a result in codes around 0 where it is bounds: 1 from 0 up (Relu), 2 from 0 to P_BETA (Clip); 0:
//                   another one. Products with the rate are ordered as what they are made of, rounded ones too, so the bounds come
//                   behind it, where they and the range of codes are one: the same bits in fewer operations
// RATE, CODE_SCALE  what encoding and decoding take: rate or scale, with P_ZEROS and the zero point, by WITH_ZERO(..)
#if !defined(P_CODED) || !defined(P_RESIDUAL_CODED) || !defined(P_ZEROS) || !defined(P_CORRECTED) || !defined(P_BOUNDS)
#error "the INT8 epilogue needs P_CODED, P_RESIDUAL_CODED, P_ZEROS, P_CORRECTED and P_BOUNDS"
#endif
#pragma OPENCL FP_CONTRACT OFF
#include "common/rounded.cl"

#if PW_WIDTH == 1
#define PW_CHAR char
#define PW_INT int
#define PW_LOAD_CODES(p, i) ((p)[i])
#define PW_STORE_CODES(v, p, i) ((p)[i] = (v))
#define PW_TO_CODES convert_char
#else
#define PW_CHAR PW_CAT(char, PW_WIDTH)
#define PW_INT PW_CAT(int, PW_WIDTH)
#define PW_LOAD_CODES(p, i) PW_CAT(vload, PW_WIDTH)(0, (p) + (i))
#define PW_STORE_CODES(v, p, i) PW_CAT(vstore, PW_WIDTH)(v, 0, (p) + (i))
#define PW_TO_CODES PW_CAT(convert_char, PW_WIDTH)
#endif
#define PW_TO_FLOAT PW_CAT(PW_TO_FLOAT_, PW_WIDTH)
#define PW_TO_FLOAT_1 convert_float
#define PW_TO_FLOAT_4 convert_float4
#define PW_TO_FLOAT_8 convert_float8
#define PW_TO_FLOAT_16 convert_float16

// Codes from numbers of their range, to the nearest, plus a whole number: the bits of the sum with 1.5 * 2^23 of common/rounded.cl
// count on from its own, so that its lowest byte is the code.
#if PW_WIDTH == 1
#define PW_AS_INT as_int
#else
#define PW_AS_INT PW_CAT(as_int, PW_WIDTH)
#endif
// And back: NVIDIA's GPUs convert a quarter as fast as they add, so the bits of 2^23 + 128 + code are written down. There the bytes of
// four codes are put together, or taken apart, by one permutation each.
#if defined(__NV_CL_C_VERSION) && PW_WIDTH == 4
static inline uint permuted(uint a, uint b, uint bytes) {
  uint result;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(bytes));
  return result;
}
static inline char4 lowBytes(int4 v) {
  return as_char4(permuted(permuted(v.s0, v.s1, 0x0040), permuted(v.s2, v.s3, 0x0040), 0x5410));
}
static inline float4 numbersOf(char4 codes) {
  const uint word = as_uint(codes) ^ 0x80808080u, exponent = 0x4b000000u;
  return as_float4((uint4)(permuted(word, exponent, 0x7540), permuted(word, exponent, 0x7541), permuted(word, exponent, 0x7542),
                           permuted(word, exponent, 0x7543))) -
         8388736.0f;
}
#define PW_CODES_OF(number, zero) lowBytes(as_int4((number) + 12582912.0f) + (int)(zero))
#define PW_NUMBERS_OF(code) numbersOf(code)
#else
#define PW_CODES_OF(number, zero) PW_TO_CODES(PW_AS_INT((number) + 12582912.0f) + ((int)(zero) - 0x4b400000))
#ifdef __NV_CL_C_VERSION
#if PW_WIDTH == 1
#define PW_AS_FLOAT as_float
#define PW_TO_BYTES(code) (uint)as_uchar(code)
#else
#define PW_AS_FLOAT PW_CAT(as_float, PW_WIDTH)
#define PW_TO_BYTES(code) PW_CAT(convert_uint, PW_WIDTH)(PW_CAT(as_uchar, PW_WIDTH)(code))
#endif
#define PW_NUMBERS_OF(code) (PW_AS_FLOAT(PW_TO_BYTES(code) ^ 0x4b000080u) - 8388736.0f)
#else
#define PW_NUMBERS_OF(code) PW_TO_FLOAT(code)
#endif
#endif
// Numbers within [least, most]; NaN gives 0.
static inline PW_T withinCodes(PW_T number, float least, float most) {
#ifdef __NV_CL_C_VERSION
  return fmin(fmax(number == number ? number : LIT(0.0f), LIT(least)), LIT(most));
#else
  // The choice last: AVX-512 takes it with the sum that follows.
  const PW_T within = fmin(fmax(number, LIT(least)), LIT(most));
  return number == number ? within : LIT(0.0f);
#endif
}

#if P_ZEROS
#define RATE float2
#define CODE_SCALE float2
#define WITH_ZERO(scale, zero) (float2)(scale, zero)
// clamp(rint(x * rate) + zero, -128, 127); NaN gives the zero point.
static inline PW_CHAR encode(PW_T x, RATE rate) {
  return PW_CODES_OF(withinCodes(x * rate.x, -128.0f - rate.y, 127.0f - rate.y), rate.y);
}
static inline PW_T decodeNumber(PW_T code, CODE_SCALE scale) { return (code - LIT(scale.y)) * scale.x; }
#else
#define RATE float
#define CODE_SCALE float
#define WITH_ZERO(scale, zero) (scale)
// clamp(rint(x * rate), -127, 127); NaN gives 0.
static inline PW_CHAR encode(PW_T x, RATE rate) {
#if P_BOUNDS
  const float most = P_BOUNDS == 2 ? fmin(P_BETA * rate, 127.0f) : 127.0f;
  return PW_CODES_OF(fmin(fmax(x * rate, LIT(0.0f)), LIT(most)), 0.0f);
#else
  return PW_CODES_OF(withinCodes(x * rate, -127.0f, 127.0f), 0.0f);
#endif
}
static inline PW_T decodeNumber(PW_T code, CODE_SCALE scale) { return code * scale; }
#endif
static inline PW_T decode(PW_CHAR code, CODE_SCALE scale) { return decodeNumber(PW_NUMBERS_OF(code), scale); }

// Lanes from `valid` on get what is encoded as 0, as padding lanes must.
#if P_CODED && P_ZEROS
static inline PW_T padLanes(PW_T value, int valid, RATE rate) {
  const PW_T nothing = LIT(-rate.y / rate.x);
#if PW_WIDTH == 1
  return valid > 0 ? value : nothing;
#else
  return PW_LANES < valid ? value : nothing;
#endif
}
#else
static inline PW_T padLanes(PW_T value, int valid, RATE rate) { return maskLanes(value, valid); }
#endif

// Sums of the channels from k on at a position of the output, less what the zero point of x adds to them: a row of terms
// for each set of taps that meet the input. Where there are several, the first integers say per coordinate of each axis how
// far it moves the row.
// P_ZERO_SETS       rows of terms
// P_ZERO_H, _W, _D  extents of the output
// .._FROM, .._SAME  coordinates FROM to FROM + SAME have one number
#if P_CORRECTED
#if P_ZERO_SETS == 1
#define ZERO_ROW(t, position) 0
#else
#define ZERO_PLACE(o, from, same) ((int)(o) - clamp((int)(o) - (from), 0, (same)))
#define ZERO_ROW(t, position)                                                                                     \
  ((t)[ZERO_PLACE((position) / (P_ZERO_H * P_ZERO_W), P_ZERO_D_FROM, P_ZERO_D_SAME)] +                             \
   (t)[P_ZERO_D - P_ZERO_D_SAME + ZERO_PLACE((position) / P_ZERO_W % P_ZERO_H, P_ZERO_H_FROM, P_ZERO_H_SAME)] +    \
   (t)[P_ZERO_D - P_ZERO_D_SAME + P_ZERO_H - P_ZERO_H_SAME +                                                       \
       ZERO_PLACE((position) % P_ZERO_W, P_ZERO_W_FROM, P_ZERO_W_SAME)])
#endif
#define CORRECTED(sums, zeroTerms, position, k) ((sums) + PW_LOAD_CODES(zeroTerms, ZERO_ROW(zeroTerms, position) + (k)))
#else
#define CORRECTED(sums, zeroTerms, position, k) (sums)
#endif

#if P_CODED
#define Q_RESULT char
static inline void storeResult(PW_T y, __global char* p, int i, RATE rate) { PW_STORE_CODES(encode(y, rate), p, i); }
#else
#define Q_RESULT float
static inline void storeResult(PW_T y, __global float* p, int i, RATE rate) { PW_STORE(y, p, i); }
#endif

#if P_RESIDUAL_CODED
#define Q_RESIDUAL char
static inline PW_T loadResidual(__global const char* p, int i, CODE_SCALE scale) { return decode(PW_LOAD_CODES(p, i), scale); }
#else
#define Q_RESIDUAL float
static inline PW_T loadResidual(__global const float* p, int i, CODE_SCALE scale) { return PW_LOAD(p, i); }
#endif

// From accumulators to the value before encoding, which is left to apply P_BOUNDS.
static inline PW_T quantisedEpilogue(PW_INT accumulator, PW_T multiplier, PW_T bias, PW_T residual, PW_T slope) {
  const PW_T y = PW_TO_FLOAT(accumulator) * multiplier;
#if P_BOUNDS
  return beforeActivation(y, bias, residual);
#else
  return epilogue(y, bias, residual, slope);
#endif
}
