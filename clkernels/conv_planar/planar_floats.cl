// Arithmetic of planar_tile.cl in floats, of operands kept as float or half: a step takes one input channel.
#define DEPTH 1
#define ELEMENT float
#define PIXEL_VALUES float16
#define OUTSIDE 0.0f
#if P_COPY
#define SOURCE __local const float*
#define PIXELS(row, i) vload16(0, (row) + (i))
#else
#define SOURCE __global const P_X*
#define PIXELS(row, i) LOAD(P_X, 16, row, i)
#endif
#define WIDENED PW_CAT(WIDENED_, P_WEIGHTS)
#define WIDENED_float 0
#define WIDENED_half 1
#if WIDENED
#define WEIGHTS __local const float*
#else
#define WEIGHTS __global const float*
#endif
#define MULTIPLY_ADD(value, weight, sums) fma(weight, value, sums)
#define FIRST_SUM(k) 0.0f

#if WIDENED
static inline void widen(__global const P_WEIGHTS* w, int count, __local float* to) {
  for (int i = 0; i + 16 <= count; i += 16) vstore16(LOAD(P_WEIGHTS, 16, w, i), 0, to + i);
  for (int i = count & ~15; i < count; ++i) to[i] = LOAD(P_WEIGHTS, 1, w, i);
}
#endif

#if P_COPY
static inline void copyRow(__global const P_X* from, int plane, int channels, __local float* to, int lo, int hi) {
  if (hi - lo >= 16) {
    for (int i = lo; i < hi; i += 16) {
      const int at = min(i, hi - 16);
      vstore16(LOAD(P_X, 16, from, at), 0, to + at);
    }
  } else {
    for (int i = lo; i < hi; ++i) to[i] = LOAD(P_X, 1, from, i);
  }
}
#endif

static inline float16 residuals(const Finish f, int at) { return LOAD(P_R, 16, f.residual, at); }
static inline float16 valuesOf(float16 sums, const Finish f, int k, float16 bias, float16 residual, float16 slope) {
  return epilogue(sums, bias, residual, slope);
}
