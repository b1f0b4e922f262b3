// reformat: the same values in another channel block, another place or another element type.
//
// x in blocks of P_XBLOCK channels, y in blocks of P_YBLOCK; either may be 1 (planar):
//   index(n, c, p) = offset + n * batch + ((c / block) * plane + p) * block + c % block
// A work-item moves the P_BLOCK = max(P_XBLOCK, P_YBLOCK) channels k * P_BLOCK.. of one position p, whole vectors at a
// time. Padding lanes of x are zero, so those of y become zero.
//
// P_XBLOCK, P_YBLOCK  powers of two up to 32
// P_XTYPE, P_YTYPE    element types in memory
// P_CONVERT           0: elements are bytes of equal size; 1: convert through float
// P_YCODE             1: y is codes: clamp(rint(x * scale * rate), -127, 127), NaN gives 0; else y = x * scale
// scale               of x's codes, 1 where x is not codes; rate: 1 / scale of y's codes
// P_ZEROS             1: codes have zero points (xZero, yZero) and go from -128 to 127: x - xZero for x,
//                     clamp(rint(..) + yZero, -128, 127); no layout with padding lanes then
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"
#include "common/rounded.cl"

#if !defined(P_XBLOCK) || !defined(P_YBLOCK) || !defined(P_XTYPE) || !defined(P_YTYPE) || !defined(P_CONVERT) || \
    !defined(P_YCODE) || !defined(P_ZEROS)
#error "reformat needs all of its P_ defines"
#endif

#define P_BLOCK (P_XBLOCK > P_YBLOCK ? P_XBLOCK : P_YBLOCK)
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

// Widths of one memory access.
#if P_XBLOCK == 32
#define XW 16
#else
#define XW P_XBLOCK
#endif
#if P_YBLOCK == 32
#define YW 16
#else
#define YW P_YBLOCK
#endif

#if P_CONVERT
#define VALUE float
#else
#define VALUE P_XTYPE
#endif

// Elements of a block lie at multiples of the block, so vectors are aligned.
#if P_ZEROS
#define CENTRED(value, zero) ((value) - (zero))
#define LOW (-128.0f - zero)
#define HIGH (127.0f - zero)
#define MOVED(code) ((code) + zero)
#else
#define CENTRED(value, zero) (value)
#define LOW -127.0f
#define HIGH 127.0f
#define MOVED(code) (code)
#endif
static inline void loadLanes(__global const P_XTYPE* x, VALUE* v, float scale, float zero) {
#if P_CONVERT && XW == 1
  v[0] = CENTRED(LOAD(P_XTYPE, 1, x, 0), zero) * scale;
#elif P_CONVERT
  CAT(vstore, XW)(CENTRED(LOAD_ALIGNED(P_XTYPE, XW, x, 0), zero) * scale, 0, v);
#elif XW == 1
  v[0] = x[0];
#else
  CAT(vstore, XW)(*(__global const CAT(P_XTYPE, XW)*)x, 0, v);
#endif
}

static inline void storeLanes(__global P_YTYPE* y, const VALUE* v, float rate, float zero) {
#if P_YCODE && YW == 1
  const float f = v[0] * rate;  // chosen as floats: Mesa's llvmpipe (22.3) crashes on a choice of bytes
  y[0] = convert_char(MOVED(ROUNDED(clamp(isnan(f) ? 0.0f : f, LOW, HIGH))));
#elif P_YCODE
  const CAT(float, YW) f = CAT(vload, YW)(0, v) * rate;
  *(__global CAT(char, YW)*)y =
      CAT(convert_char, YW)(MOVED(ROUNDED(clamp(f == f ? f : (CAT(float, YW))(0.0f), LOW, HIGH))));
#elif P_CONVERT && YW == 1
  STORE(P_YTYPE, 1, v[0], y, 0);
#elif P_CONVERT
  STORE_ALIGNED(P_YTYPE, YW, CAT(vload, YW)(0, v), y, 0);
#elif YW == 1
  y[0] = v[0];
#else
  *(__global CAT(P_YTYPE, YW)*)y = CAT(vload, YW)(0, v);
#endif
}

__kernel void reformat(__global const P_XTYPE* restrict x, __global P_YTYPE* restrict y, int channels, int plane,
                       int xOffset, int xBatch, int yOffset, int yBatch, float scale, float rate, float xZero, float yZero) {
  const int p = get_global_id(0), k = get_global_id(1), n = get_global_id(2);
  if (p >= plane) return;
  VALUE v[P_BLOCK];
  x += xOffset + n * xBatch;
  y += yOffset + n * yBatch;
#pragma unroll
  for (int s = 0; s < P_BLOCK / P_XBLOCK; ++s) {
    const int block = k * (P_BLOCK / P_XBLOCK) + s;
    if (block * P_XBLOCK < channels) {
#pragma unroll
      for (int l = 0; l < P_XBLOCK; l += XW) loadLanes(x + (block * plane + p) * P_XBLOCK + l, v + s * P_XBLOCK + l, scale, xZero);
    } else {
#pragma unroll
      for (int l = 0; l < P_XBLOCK; ++l) v[s * P_XBLOCK + l] = 0;
    }
  }
#pragma unroll
  for (int s = 0; s < P_BLOCK / P_YBLOCK; ++s) {
    const int block = k * (P_BLOCK / P_YBLOCK) + s;
    if (block * P_YBLOCK < channels) {
#pragma unroll
      for (int l = 0; l < P_YBLOCK; l += YW) storeLanes(y + (block * plane + p) * P_YBLOCK + l, v + s * P_YBLOCK + l, rate, yZero);
    }
  }
}
