// Functions of floats made of exactly rounded steps (sums, differences, products, fma, comparisons, bits), so that every
// device and the host give the same bits: docs/numerics.md. Compiled as OpenCL C, once per width of a value, and as C++.
//
// MATH_WIDTH  floats in a value: 1, 2, 4, 8 or 16; functions are called <name>_<width>, until the including program defines
//             <name> as the one it wants (common/pointwise.cl). C++ defines the six macros below instead.
// Every operation is rounded on its own: the including program switches contraction off. NaN gives NaN.
#ifdef MATH_WIDTH
#define MATH_CAT_(a, b) a##b
#define MATH_CAT(a, b) MATH_CAT_(a, b)
#define MATH_NAME(name) MATH_CAT(name##_, MATH_WIDTH)
#define MATH_FMA fma
#if MATH_WIDTH == 1
#define MATH_T float
#define MATH_I int
#define MATH_AS_INT as_int
#define MATH_AS_FLOAT as_float
#else
#define MATH_T MATH_CAT(float, MATH_WIDTH)
#define MATH_I MATH_CAT(int, MATH_WIDTH)
#define MATH_AS_INT MATH_CAT(as_int, MATH_WIDTH)
#define MATH_AS_FLOAT MATH_CAT(as_float, MATH_WIDTH)
#endif
#endif
#define N(value) ((MATH_T)(value))

// 1 / x of x with |x| in [2^-126, 2^125]; 0 with the sign of x beyond.
static inline MATH_T MATH_NAME(definedReciprocal)(MATH_T x) {
  const MATH_T a = x < N(0.0f) ? -x : x;
  const MATH_I bits = MATH_AS_INT(a);
  const MATH_T m = MATH_AS_FLOAT((bits & 0x007fffff) | 0x3f000000);  // a = m * 2^e, m in [1/2, 1)
  const MATH_T power = MATH_AS_FLOAT(0x7e800000 - (bits & 0x7f800000));
  MATH_T r = N(2.8235295f) - m * N(1.8823529f);
  r = r + r * (N(1.0f) - m * r);
  r = r + r * (N(1.0f) - m * r);
  r = r + r * (N(1.0f) - m * r);
  r = a < N(0x1p125f) ? r * power : N(0.0f);
  return x != x ? x : (x < N(0.0f) ? -r : r);
}

// a / b, rounded to nearest: mantissas are divided by Newton's steps and two exact remainders, exponents subtracted. Operands
// and results below 2^-126 count as 0, as devices may take them.
static inline MATH_T MATH_NAME(definedDivide)(MATH_T a, MATH_T b) {
  const MATH_I sign = (MATH_AS_INT(a) ^ MATH_AS_INT(b)) & (MATH_I)((int)0x80000000);
  const MATH_I aBits = MATH_AS_INT(a) & 0x7fffffff, bBits = MATH_AS_INT(b) & 0x7fffffff;
  const MATH_T m = MATH_AS_FLOAT((aBits & 0x007fffff) | 0x3f800000), d = MATH_AS_FLOAT((bBits & 0x007fffff) | 0x3f800000);
  MATH_T r = N(1.4117647f) - d * N(0.47058824f);  // 1 / d for d in [1, 2), within 1/17
  r = MATH_FMA(r, MATH_FMA(-d, r, N(1.0f)), r);
  r = MATH_FMA(r, MATH_FMA(-d, r, N(1.0f)), r);
  r = MATH_FMA(r, MATH_FMA(-d, r, N(1.0f)), r);
  MATH_T q = m * r;
  q = MATH_FMA(MATH_FMA(-q, d, m), r, q);
  q = MATH_FMA(MATH_FMA(-q, d, m), r, q);
  const MATH_I shift = (aBits >> 23) - (bBits >> 23), exponent = (MATH_AS_INT(q) >> 23) + shift;
  const MATH_T infinite = MATH_AS_FLOAT(sign | 0x7f800000), none = MATH_AS_FLOAT(sign);
  // Beyond 128 either way the result is none of the floats below, and the sum might not fit an integer.
  const MATH_I move = shift > 128 ? (MATH_I)(128) : (shift < -128 ? (MATH_I)(-128) : shift);
  MATH_T y = MATH_AS_FLOAT((MATH_AS_INT(q) + move * 8388608) | sign);
  y = exponent < 1 ? none : (exponent > 254 ? infinite : y);
  y = aBits < 0x00800000 || bBits > 0x7f7fffff ? none : y;
  y = bBits < 0x00800000 || aBits > 0x7f7fffff ? infinite : y;
  const MATH_T undefined = N(NAN);
  y = (aBits < 0x00800000 && bBits < 0x00800000) || (aBits > 0x7f7fffff && bBits > 0x7f7fffff) ? undefined : y;
  return a != a || b != b ? undefined : y;
}

// The square root, rounded to nearest; of numbers below 2^-126 it is 0.
static inline MATH_T MATH_NAME(definedSqrt)(MATH_T x) {
  const MATH_I bits = MATH_AS_INT(x), exponent = (bits >> 23) - 127, odd = exponent & 1;
  const MATH_T m = MATH_AS_FLOAT((bits & 0x007fffff) | ((odd + 127) << 23));  // in [1, 4), x = m * 2^(exponent - odd)
  MATH_T r = MATH_AS_FLOAT(0x5f375a86 - (MATH_AS_INT(m) >> 1));              // 1 / sqrt(m), within 0.2 %
  r = r * (N(1.5f) - N(0.5f) * m * r * r);
  r = r * (N(1.5f) - N(0.5f) * m * r * r);
  r = r * (N(1.5f) - N(0.5f) * m * r * r);
  MATH_T s = m * r;
  s = MATH_FMA(MATH_FMA(-s, s, m), N(0.5f) * r, s);
  s = MATH_FMA(MATH_FMA(-s, s, m), N(0.5f) * r, s);
  const MATH_T y = MATH_AS_FLOAT(MATH_AS_INT(s) + ((exponent - odd) >> 1) * 8388608);
  const MATH_T edge = x < N(0x1p-126f) && x > N(-0x1p-126f) ? N(0.0f) : (x < N(0.0f) ? N(NAN) : x);
  return x >= N(0x1p-126f) && x <= N(0x1.fffffep127f) ? y : edge;
}

// x = n * ln 2 + rest, n whole; 2^n in two factors, each a float.
typedef struct {
  MATH_T rest, first, second;
} MATH_NAME(ExpParts);
static inline MATH_NAME(ExpParts) MATH_NAME(expParts)(MATH_T x) {
  const MATH_T shifted = x * N(1.44269504f) + N(12582912.0f);
  const MATH_T n = shifted - N(12582912.0f);
  const MATH_I whole = MATH_AS_INT(shifted) - 0x4b400000, lower = whole >> 1;
  MATH_NAME(ExpParts) parts;
  parts.rest = MATH_FMA(n, N(2.12194440e-4f), MATH_FMA(n, N(-0.693359375f), x));
  parts.first = MATH_AS_FLOAT((lower + 127) << 23);
  parts.second = MATH_AS_FLOAT((whole - lower + 127) << 23);
  return parts;
}
// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2
static inline MATH_T MATH_NAME(expTail)(MATH_T r) {
  MATH_T p = MATH_FMA(N(1.9875691500e-4f), r, N(1.3981999507e-3f));
  p = MATH_FMA(p, r, N(8.3334519073e-3f));
  p = MATH_FMA(p, r, N(4.1665795894e-2f));
  p = MATH_FMA(p, r, N(1.6666665459e-1f));
  return MATH_FMA(p, r, N(5.0000001201e-1f));
}
// e^r: what 1 + r loses by rounding is added with the rest of the sum.
static inline MATH_T MATH_NAME(expOfRest)(MATH_T r) {
  const MATH_T near = r + N(1.0f), lost = r - (near - N(1.0f));
  return near + MATH_FMA(MATH_NAME(expTail)(r), r * r, lost);
}

// 0 below -87.3, where the result would be less than the smallest normal number.
static inline MATH_T MATH_NAME(definedExp)(MATH_T x) {
  const MATH_T inside = x < N(-88.0f) ? N(-88.0f) : (x > N(89.0f) ? N(89.0f) : x);
  const MATH_NAME(ExpParts) p = MATH_NAME(expParts)(inside);
  const MATH_T y = MATH_NAME(expOfRest)(p.rest) * p.first * p.second;
  return x < N(-87.3f) ? N(0.0f) : (x > N(88.7228394f) ? N(INFINITY) : y);
}

static inline MATH_T MATH_NAME(definedExpm1)(MATH_T x) {
  const MATH_T inside = x < N(-20.0f) ? N(-20.0f) : (x > N(89.0f) ? N(89.0f) : x);
  const MATH_NAME(ExpParts) p = MATH_NAME(expParts)(inside);
  const MATH_T e = MATH_FMA(MATH_NAME(expTail)(p.rest), p.rest * p.rest, p.rest), power = p.first * p.second;
  const MATH_T near = e * power + (power - N(1.0f));
  const MATH_T y = x > N(30.0f) ? (e + N(1.0f)) * p.first * p.second : near;
  return x > N(88.7228394f) ? N(INFINITY) : y;
}

// log(1 + f) for f in [sqrt(1/2) - 1, sqrt(2) - 1], plus n * ln 2
static inline MATH_T MATH_NAME(logOf)(MATH_T f, MATH_T n) {
  MATH_T p = N(7.0376836292e-2f) * f - N(1.1514610310e-1f);
  p = p * f + N(1.1676998740e-1f);
  p = p * f - N(1.2420140846e-1f);
  p = p * f + N(1.4249322787e-1f);
  p = p * f - N(1.6668057665e-1f);
  p = p * f + N(2.0000714765e-1f);
  p = p * f - N(2.4999993993e-1f);
  p = p * f + N(3.3333331174e-1f);
  const MATH_T square = f * f;
  MATH_T y = p * f * square - n * N(2.12194440e-4f);
  y = y - N(0.5f) * square;
  return (f + y) + n * N(0.693359375f);
}

// Of positive numbers; -infinity below the smallest normal number.
static inline MATH_T MATH_NAME(definedLog)(MATH_T x) {
  const MATH_I bits = MATH_AS_INT(x), up = (bits & 0x007fffff) > 0x003504f3 ? (MATH_I)(1) : (MATH_I)(0);
  const MATH_I exponent = (bits >> 23) - 127 + up;
  const MATH_T m = MATH_AS_FLOAT((bits & 0x007fffff) | ((127 - up) << 23));  // in [sqrt(1/2), sqrt(2)]
  const MATH_T n = MATH_AS_FLOAT(exponent + 0x4b400000) - N(12582912.0f);
  const MATH_T y = MATH_NAME(logOf)(m - N(1.0f), n);
  const MATH_T small = x < N(0.0f) ? N(NAN) : N(-INFINITY);
  return x != x ? x : (x < N(0x1p-126f) ? small : (x > N(0x1.fffffep127f) ? x : y));
}

// log(1 + x) of x in [0, 1]
static inline MATH_T MATH_NAME(definedLog1p)(MATH_T x) {
  const MATH_T upper = (x - N(1.0f)) * N(0.5f);
  return MATH_NAME(logOf)(x > N(0.41421356f) ? upper : x, x > N(0.41421356f) ? N(1.0f) : N(0.0f));
}

// e / (1 + e) or 1 / (1 + e) with e = e^-|x|, less what 1 + e gained by rounding.
static inline MATH_T MATH_NAME(definedSigmoid)(MATH_T x) {
  const MATH_T e = MATH_NAME(definedExp)(x < N(0.0f) ? x : -x), sum = N(1.0f) + e, lost = e - (sum - N(1.0f));
  const MATH_T y = MATH_NAME(definedDivide)(x < N(0.0f) ? e : N(1.0f), sum);
  return MATH_FMA(-y, lost * (x < N(0.0f) ? N(1.0f) - y : y), y);
}

static inline MATH_T MATH_NAME(definedTanh)(MATH_T x) {
  const MATH_T a = x < N(0.0f) ? -x : x, square = x * x;
  MATH_T p = N(-5.70498872745e-3f) * square + N(2.06390887954e-2f);
  p = p * square - N(5.37397155531e-2f);
  p = p * square + N(1.33314422036e-1f);
  p = p * square - N(3.33332819422e-1f);
  const MATH_T near = x + x * (p * square);
  const MATH_T e = MATH_NAME(definedExp)(a > N(10.0f) ? N(20.0f) : a + a);
  const MATH_T far = N(1.0f) - N(2.0f) * MATH_NAME(definedReciprocal)(e + N(1.0f));
  return x != x ? x : (a < N(0.625f) ? near : (x < N(0.0f) ? -far : far));
}

// tanh(log(1 + e^x)), a quotient of polynomials in e = e^-|x|: (e^2 + 2 e) / (e^2 + 2 e + 2), or (1 + 2 e) / (1 + 2 e + 2 e^2)
static inline MATH_T MATH_NAME(definedTanhOfSoftplus)(MATH_T x) {
  const MATH_T e = MATH_NAME(definedExp)(x < N(0.0f) ? x : -x);
  const MATH_T above = x < N(0.0f) ? MATH_FMA(e, e, e + e) : N(1.0f) + (e + e), more = x < N(0.0f) ? N(2.0f) : (e + e) * e;
  const MATH_T below = above + more, lost = x < N(0.0f) ? above - (below - N(2.0f)) : N(0.0f);
  const MATH_T y = MATH_NAME(definedDivide)(above, below);
  return MATH_FMA(-y, lost * (N(0.5f) - N(0.5f) * y), y);
}

static inline MATH_T MATH_NAME(definedErf)(MATH_T x) {
  const MATH_T a = x < N(0.0f) ? -x : x, square = x * x;
  MATH_T p = N(4.99119423e-3f) - N(5.96761703e-4f) * square;
  p = p * square - N(2.67681349e-2f);
  p = p * square + N(1.12819925e-1f);
  p = p * square - N(3.76125336e-1f);
  p = p * square + N(1.28379166e-1f);
  const MATH_T near = x + x * p;
  const MATH_T t = a > N(4.0f) ? N(4.0f) : a, tt = t * t;
  MATH_T q = N(3.83197126e-4f) - N(1.72853470e-5f) * t;
  q = q * tt + (N(2.42546219e-2f) - N(3.88396438e-3f) * t);
  q = q * t - N(1.06777877e-1f);
  q = q * t - N(6.34846687e-1f);
  q = q * t - N(1.28717512e-1f);
  q = q * t - t;
  const MATH_T far = N(1.0f) - MATH_NAME(definedExp)(q);
  return x != x ? x : (a > N(0.927734375f) ? (x < N(0.0f) ? -far : far) : near);
}

#undef N
#undef MATH_NAME
#undef MATH_FMA
#undef MATH_T
#undef MATH_I
#undef MATH_AS_INT
#undef MATH_AS_FLOAT
#ifdef MATH_WIDTH
#undef MATH_CAT_
#undef MATH_CAT
#undef MATH_WIDTH
#endif
