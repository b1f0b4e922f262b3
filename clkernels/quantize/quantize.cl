// quantize: y = saturate(rint(x / scale) + zero), NaN gives zero. dequantize: y = (x - zero) * scale.
//
// Items of [channels, plane], planar or blocked:
//   index(n, c, p) = offset + n * batch + ((c / P_BLOCK) * plane + p) * P_BLOCK + c % P_BLOCK
// A work-item per element; padding lanes become zero.
//
// P_XTYPE, P_YTYPE  element types; P_ZTYPE  type of the zero point
// P_ZERO            1: there is a zero point
// P_PER_CHANNEL     1: scale and zero point have one element per channel
// P_BLOCK           channel block
#pragma OPENCL FP_CONTRACT OFF

#if !defined(P_XTYPE) || !defined(P_YTYPE) || !defined(P_ZTYPE) || !defined(P_ZERO) || !defined(P_PER_CHANNEL) || \
    !defined(P_BLOCK) || !defined(P_LOW) || !defined(P_HIGH)
#error "quantize needs all of its P_ defines"
#endif

#define PARAMETERS                                                                                                  \
  __global const P_XTYPE *restrict x, __global const float *restrict scales, __global const P_ZTYPE *restrict zeros, \
      __global P_YTYPE *restrict y, int channels, int plane, int item, int xOffset, int xBatch, int yOffset, int yBatch

#define LOCATE                                                                     \
  const int i = get_global_id(0), n = get_global_id(1);                            \
  if (i >= item) return;                                                           \
  const int c = i / (plane * P_BLOCK) * P_BLOCK + i % P_BLOCK;                     \
  const int to = yOffset + n * yBatch + i;                                         \
  if (c >= channels) {                                                             \
    y[to] = 0;                                                                     \
    return;                                                                        \
  }                                                                                \
  const int at = P_PER_CHANNEL ? c : 0;                                            \
  const float scale = scales[at];                                                  \
  const int zero = P_ZERO ? (int)zeros[at] : 0;

// Quotients rounded correctly, whatever the device's division does: codes must not depend on it.
static inline float quotientOf(float a, float b) {
  const float q = a / b;
  const float better = q + fma(-q, b, a) / b;
  return isfinite(better) ? better : q;
}

__kernel void quantize(PARAMETERS) {
  LOCATE
  const float quotient = quotientOf(x[xOffset + n * xBatch + i], scale);
  const float code = isnan(quotient) ? 0.0f : rint(quotient);
  y[to] = (P_YTYPE)clamp(code + (float)zero, (float)P_LOW, (float)P_HIGH);
}

__kernel void dequantize(PARAMETERS) {
  LOCATE
  y[to] = (float)((int)x[xOffset + n * xBatch + i] - zero) * scale;
}
