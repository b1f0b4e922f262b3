// Numbers as pairs of halves: x * scale = high + low to 22 bits, scale a power of two that suits the greatest of them.
//
// An infinite number makes low NaN, so that sums with it are NaN; a NaN stays one.
#define EIGHT 8  // numbers of a piece

// Bits of a number's size, by which sizes are compared as integers; 0 for what is not finite.
static inline uint sizeOf(float v) {
  const uint bits = as_uint(v) & 0x7fffffff;
  return bits < 0x7f800000 ? bits : 0;
}
// Of the greatest size: the power of two that brings it to 2^14..2^15, and its reciprocal; neither is denormal.
static inline float scaleFor(uint size) { return as_float((268 - max(size >> 23, 15u)) << 23); }
static inline float unscaleFor(uint size) { return as_float((max(size >> 23, 15u) - 14) << 23); }

#if D_WGMMA
static inline int halvesOf(float a, float b) {
  int both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(b), "f"(a));
  return both;
}
static inline void makePair(float a, float b, int* high, int* low) {
  float ha, hb;
  *high = halvesOf(a, b);
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(ha), "=f"(hb) : "r"(*high));
  *low = halvesOf(a - ha, b - hb);
}
static inline void storePairs(const float* v, float scale, __local PIECE* high, __local PIECE* low) {
  int h[4], l[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) makePair(v[2 * i] * scale, v[2 * i + 1] * scale, h + i, l + i);
  *high = (PIECE)(h[0], h[1], h[2], h[3]);
  *low = (PIECE)(l[0], l[1], l[2], l[3]);
}
#else
static inline void storePairs(const float* v, float scale, __local PIECE* high, __local PIECE* low) {
  for (int i = 0; i < EIGHT; ++i) {
    vstore_half_rte(v[i] * scale, i, (__local half*)high);
    vstore_half_rte(v[i] * scale - vload_half(i, (__local half*)high), i, (__local half*)low);
  }
}
#endif
