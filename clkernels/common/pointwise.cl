// Functions pw_<Name>(x, alpha, beta) and pw_<Name>(a, b, alpha, beta) of the float rows of pointwise.def.
//
// PW_WIDTH  floats in a value: 1, 2, 4, 8 or 16; the including file defines it before the #include
// PW_T      the type of a value that follows from it

// Every operation is rounded on its own, on every device: sums that want fused multiply-adds call fma().
#pragma OPENCL FP_CONTRACT OFF

#ifndef PW_WIDTH
#error "define PW_WIDTH before including common/pointwise.cl"
#endif
#define PW_CAT_(a, b) a##b
#define PW_CAT(a, b) PW_CAT_(a, b)
#if PW_WIDTH == 1
#define PW_T float
#define PW_LOAD(p, i) ((p)[i])
#define PW_STORE(v, p, i) ((p)[i] = (v))
#else
#define PW_T PW_CAT(float, PW_WIDTH)
#define PW_LOAD(p, i) PW_CAT(vload, PW_WIDTH)(0, (p) + (i))
#define PW_STORE(v, p, i) PW_CAT(vstore, PW_WIDTH)(v, 0, (p) + (i))
#endif
#define LIT(value) ((PW_T)(value))
#define MATH_WIDTH PW_WIDTH
#include "common/defined_math.cl"
#define definedDivide PW_CAT(definedDivide_, PW_WIDTH)
#define definedSqrt PW_CAT(definedSqrt_, PW_WIDTH)
#define definedExp PW_CAT(definedExp_, PW_WIDTH)
#define definedExpm1 PW_CAT(definedExpm1_, PW_WIDTH)
#define definedLog PW_CAT(definedLog_, PW_WIDTH)
#define definedLog1p PW_CAT(definedLog1p_, PW_WIDTH)
#define definedSigmoid PW_CAT(definedSigmoid_, PW_WIDTH)
#define definedTanh PW_CAT(definedTanh_, PW_WIDTH)
#define definedTanhOfSoftplus PW_CAT(definedTanhOfSoftplus_, PW_WIDTH)
#define definedErf PW_CAT(definedErf_, PW_WIDTH)

#define TESSERA_UNARY(name, isActivation, defaultAlpha, defaultBeta, expression) \
  static inline PW_T pw_##name(PW_T x, PW_T alpha, PW_T beta) { return expression; }
#define TESSERA_BINARY(name, isActivation, expression, integerExpression) \
  static inline PW_T pw_##name(PW_T a, PW_T b, PW_T alpha, PW_T beta) { return expression; }
#include "common/pointwise.def"
