// Codes: encoding, decoding, and the INT8 epilogue of docs/numerics.md. Include after common/activation.cl, whose
// epilogue it completes; values are PW_T (PW_WIDTH floats).
//
// P_CODED           1: results are codes (char), 0: floats
// P_RESIDUAL_CODED  1: the residual holds codes, 0: floats
#if !defined(P_CODED) || !defined(P_RESIDUAL_CODED)
#error "the INT8 epilogue needs P_CODED and P_RESIDUAL_CODED"
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

// clamp(rint(x * rate), -127, 127); NaN gives 0.
static inline PW_CHAR encode(PW_T x, float rate) {
  const PW_T scaled = x * rate;
  const PW_T number = scaled == scaled ? scaled : LIT(0.0f);
  return PW_TO_CODES(ROUNDED(fmin(fmax(number, LIT(-127.0f)), LIT(127.0f))));
}

static inline PW_T decode(PW_CHAR code, float scale) { return PW_TO_FLOAT(code) * scale; }

#if P_CODED
#define Q_RESULT char
static inline void storeResult(PW_T y, __global char* p, int i, float rate) { PW_STORE_CODES(encode(y, rate), p, i); }
#else
#define Q_RESULT float
static inline void storeResult(PW_T y, __global float* p, int i, float rate) { PW_STORE(y, p, i); }
#endif

#if P_RESIDUAL_CODED
#define Q_RESIDUAL char
static inline PW_T loadResidual(__global const char* p, int i, float scale) { return decode(PW_LOAD_CODES(p, i), scale); }
#else
#define Q_RESIDUAL float
static inline PW_T loadResidual(__global const float* p, int i, float scale) { return PW_LOAD(p, i); }
#endif

// From accumulators to the value before encoding.
static inline PW_T quantisedEpilogue(PW_INT accumulator, PW_T multiplier, PW_T bias, PW_T residual, PW_T slope) {
  const PW_T y = PW_TO_FLOAT(accumulator) * multiplier;
  return epilogue(y, bias, residual, slope);
}
