// Arithmetic of planar_tile.cl in codes: a step takes four input channels, whose codes the patch holds side by side in a word.
//
// xZero        an argument of kernels that copy columns beside the image: the zero point of x, which those hold. Networks have many, and
//              programs are not to differ by them.
// corrections  [tile][KH][TILE_K]: what sums are too large by for each row of taps, negated: the zero point and the bias of
//              biased codes (common/dot4.cl) times the sum of the row's weights. Beside the image that is right, too.
#if !P_COPY
#error "planar_codes.cl needs P_COPY 1"
#endif
#define DEPTH 4
#define ELEMENT uint
#define PIXEL_VALUES uint16
#define OUTSIDE (((uint)(xZero & 0xff) * 0x01010101u) ^ CODE_BIAS)
#define SOURCE __local const uint*
#define PIXELS(row, i) vload16(0, (row) + (i))
#define WIDENED 0
#define WEIGHTS __global const int*
#define MULTIPLY_ADD(value, weight, sums) dot4x16(value, weight, sums)
#define FIRST_SUM(k) first[k]

static inline void firstSums(__global const int* corrections, int ky0, int ky1, int* first) {
#pragma unroll
  for (int k = 0; k < TILE_K; ++k) first[k] = 0;
  for (int ky = ky0; ky < ky1; ++ky)
#pragma unroll
    for (int k = 0; k < TILE_K; ++k) first[k] += corrections[ky * TILE_K + k];
}

// Channels there are none of have weights of 0: the last one stands for them.
static inline void copyRow(__global const char* row, int plane, int channels, __local uint* to, int lo, int hi) {
  __global const uchar* from = (__global const uchar*)row;
  const int b = channels > 1 ? plane : 0, c = channels > 2 ? 2 * plane : b, d = channels > 3 ? 3 * plane : c;
  if (hi - lo >= 16) {
    for (int i = lo; i < hi; i += 16) {
      const int at = min(i, hi - 16);
      const uint16 low = convert_uint16(vload16(0, from + at)) | convert_uint16(vload16(0, from + b + at)) << 8;
      const uint16 high = convert_uint16(vload16(0, from + c + at)) | convert_uint16(vload16(0, from + d + at)) << 8;
      vstore16((low | high << 16) ^ CODE_BIAS, 0, to + at);
    }
  } else {
    for (int i = lo; i < hi; ++i)
      to[i] = ((uint)from[i] | (uint)from[b + i] << 8 | (uint)from[c + i] << 16 | (uint)from[d + i] << 24) ^ CODE_BIAS;
  }
}

static inline float16 residuals(const Finish f, int at) { return loadResidual(f.residual, at, f.residualScale); }
static inline float16 valuesOf(int16 sums, const Finish f, int k, float16 bias, float16 residual, float16 slope) {
  return quantisedEpilogue(sums, (float16)(f.multiplier[k]), bias, residual, slope);
}
