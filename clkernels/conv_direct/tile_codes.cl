// Arithmetic of tile.cl in codes: a step takes four input channels; its weights are 16 outputs x 4 channels.
//
// P_PLANAR     1: the output is planar, 0: in blocks of 16 channels
// corrections  [(ky * KW + kx) * T_TK * 16 + k]: where the dot product wants biased codes (common/dot4.cl) the patch is
//              biased, and the sums start at minus 128 times the sum of the weights of all taps used, given here per tap
#ifndef P_PLANAR
#error "tile_codes.cl needs P_PLANAR"
#endif
#if P_BLOCK == 16
#define STEPS 4
#else
#define STEPS 1
#endif
#define DEPTH (STEPS * 4)
#define ELEMENT uint
#define OUTSIDE CODE_BIAS
#define WHOLE_BLOCKS 1
#define IN_PLACE 0
#define MULTIPLY_ADD(value, weights, sums) dot4x16(value, weights, sums)
#define WEIGHTS16(taps, i) vload16(i, (__global const int*)(taps))

#define TAPS_OPERANDS __global const char *w, __global const int *corrections
#define TAPS {w, corrections}
typedef struct {
  __global const char* w;
  __global const int* corrections;
} Taps;
static inline Taps tapsFrom(Taps taps, long weights, long corrections) {
  taps.w += weights;
  taps.corrections += corrections;
  return taps;
}

static inline int16 firstSums(const Taps taps, const Window v, int ky0, int ky1, int kx0, int kx1, int j) {
  int16 sums = 0;
#if BIASED_CODES
  for (int ky = ky0; ky < ky1; ++ky)
    for (int kx = kx0; kx < kx1; ++kx) sums += vload16((ky * v.KW + kx) * T_TK + j, taps.corrections);
#endif
  return sums;
}

#if P_BLOCK == 16
static inline void copyPixels(__global const char* row, uint* to, int first, int end, int plane, int channels) {
  int i = first;
  for (; i + 4 <= end; i += 4) vstore16(vload16(0, (__global const uint*)(row + i * 16)) ^ CODE_BIAS, 0, to + i * 4);
  for (; i < end; ++i) vstore4(vload4(0, (__global const uint*)(row + i * 16)) ^ CODE_BIAS, 0, to + i * 4);
}
#else
// Interleaves up to four planes.
static inline void copyPixels(__global const char* row, uint* to, int first, int end, int plane, int channels) {
  int i = first;
  for (; i + 16 <= end; i += 16) {
    uint16 word = convert_uint16(vload16(0, (__global const uchar*)row + i));
    if (channels > 1) word |= convert_uint16(vload16(0, (__global const uchar*)row + plane + i)) << 8;
    if (channels > 2) word |= convert_uint16(vload16(0, (__global const uchar*)row + 2 * plane + i)) << 16;
    if (channels > 3) word |= convert_uint16(vload16(0, (__global const uchar*)row + 3 * plane + i)) << 24;
    vstore16(word ^ CODE_BIAS, 0, to + i);
  }
  for (; i < end; ++i) {
    uint word = 0;
    for (int c = 0; c < min(channels, 4); ++c) word |= (uint)(uchar)row[c * plane + i] << (8 * c);
    to[i] = word ^ CODE_BIAS;
  }
}
#endif

#if P_PLANAR
// A pixel's results as they go to 16 planes.
static inline void storeLanes(float16 value, const Finish f, P_Y* lanes) {
#if P_CODED
  vstore16(encode(value, f.rate), 0, lanes);
#else
  vstore16(value, 0, lanes);
#endif
}
#endif
