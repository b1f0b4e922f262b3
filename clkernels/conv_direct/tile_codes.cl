// Arithmetic of tile.cl in codes: a step takes P_LANES input channels; its weights are 16 outputs x P_LANES channels.
//
// P_LANES      4: an element of the patch is a word of codes
//              2 (body 6 of common/dot4.cl): a pair, which the patch holds widened to 16 bits and the weights are widened to when
//              they are loaded
// P_POSITIVE   1: no code of x is negative, which bodies 5 and 6 gain from: nothing is biased, and in blocks of 16 channels x is read
//              in place
//
// P_PLANAR     1: the output is planar, 0: in blocks of 16 channels
// corrections  [(ky * KW + kx) * T_TK * 16 + k]: where the dot product wants biased codes (common/dot4.cl) the patch is
//              biased unless P_POSITIVE, and the sums start at minus 128 times the sum of the weights of all taps used, given here per
//              tap
#if !defined(P_PLANAR) || !defined(P_LANES) || !defined(P_POSITIVE)
#error "tile_codes.cl needs P_PLANAR, P_LANES and P_POSITIVE"
#endif
#if P_BLOCK == 16
#define DEPTH 16
#else
#define DEPTH 4
#endif
#define STEPS (DEPTH / P_LANES)
#define ELEMENT uint
#define TILE_BIASED (BIASED_CODES && !P_POSITIVE)
#if TILE_BIASED
#define OUTSIDE CODE_BIAS
#else
#define OUTSIDE 0u
#endif
#define WHOLE_BLOCKS 1
#define IN_PLACE (P_POSITIVE && P_PATCH == 0)
#define SUMS_IN_Y 0
#if P_LANES == 2
#define MULTIPLY_ADD(value, weights, sums) dot2x16(value, weights, sums)
#define WIDENED8(p) as_int8(convert_short16(vload16(0, p)))
#define WEIGHTS16(taps, i) (int16)(WIDENED8((taps) + (i) * 32), WIDENED8((taps) + (i) * 32 + 16))
#else
#if P_POSITIVE
#define MULTIPLY_ADD(value, weights, sums) dot4x16OfPositive(value, weights, sums)
#else
#define MULTIPLY_ADD(value, weights, sums) dot4x16(value, weights, sums)
#endif
#define WEIGHTS16(taps, i) vload16(i, (__global const int*)(taps))
#endif

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
#if TILE_BIASED
  for (int ky = ky0; ky < ky1; ++ky)
    for (int kx = kx0; kx < kx1; ++kx) sums += vload16((ky * v.KW + kx) * T_TK + j, taps.corrections);
#endif
  return sums;
}

#if P_LANES == 2 && P_BLOCK == 16
static inline void copyPixels(__global const char* row, PATCH uint* to, int first, int end, int plane, int channels) {
  for (int i = first; i < end; ++i) vstore8(as_uint8(convert_short16(vload16(0, row + i * 16))), i, to);
}
#elif P_LANES == 2
// A pixel of up to four planes, as two pairs.
static inline uint8 pairsOf(__global const char* first, __global const char* second, bool has0, bool has1) {
  const uint8 low = has0 ? convert_uint8(as_ushort8(convert_short8(vload8(0, first)))) : (uint8)(0u);
  return has1 ? low | convert_uint8(as_ushort8(convert_short8(vload8(0, second)))) << 16 : low;
}
static inline void copyPixels(__global const char* row, PATCH uint* to, int first, int end, int plane, int channels) {
  int i = first;
  for (; i + 8 <= end; i += 8) {
    uint16 pairs;
    pairs.even = pairsOf(row + i, row + plane + i, true, channels > 1);
    pairs.odd = pairsOf(row + 2 * plane + i, row + 3 * plane + i, channels > 2, channels > 3);
    vstore16(pairs, 0, to + i * 2);
  }
  for (; i < end; ++i)
    for (int pair = 0; pair < 2; ++pair) {
      uint word = 0;
      for (int c = pair * 2; c < min(channels, pair * 2 + 2); ++c)
        word |= (uint)(ushort)(short)row[c * plane + i] << (16 * (c % 2));
      to[i * 2 + pair] = word;
    }
}
#elif P_BLOCK == 16
static inline void copyPixels(__global const char* row, PATCH uint* to, int first, int end, int plane, int channels) {
  int i = first;
  for (; i + 4 <= end; i += 4) vstore16(vload16(0, (__global const uint*)(row + i * 16)) ^ OUTSIDE, 0, to + i * 4);
  for (; i < end; ++i) vstore4(vload4(0, (__global const uint*)(row + i * 16)) ^ OUTSIDE, 0, to + i * 4);
}
#else
// Interleaves up to four planes: WIDTH pixels from the i-th on.
#define INTERLEAVE(WIDTH, i)                                                                                              \
  {                                                                                                                       \
    PW_CAT(uint, WIDTH) word = PW_CAT(convert_uint, WIDTH)(PW_CAT(vload, WIDTH)(0, codes + (i)));                         \
    if (channels > 1) word |= PW_CAT(convert_uint, WIDTH)(PW_CAT(vload, WIDTH)(0, codes + plane + (i))) << 8;             \
    if (channels > 2) word |= PW_CAT(convert_uint, WIDTH)(PW_CAT(vload, WIDTH)(0, codes + 2 * plane + (i))) << 16;        \
    if (channels > 3) word |= PW_CAT(convert_uint, WIDTH)(PW_CAT(vload, WIDTH)(0, codes + 3 * plane + (i))) << 24;        \
    PW_CAT(vstore, WIDTH)(word ^ OUTSIDE, 0, to + (i));                                                                 \
  }
static inline void copyPixels(__global const char* row, PATCH uint* to, int first, int end, int plane, int channels) {
  __global const uchar* codes = (__global const uchar*)row;
  int i = first;
  for (; i + 16 <= end; i += 16) INTERLEAVE(16, i)
  for (; i + 8 <= end; i += 8) INTERLEAVE(8, i)
  if (i < end && end - first >= 8) {  // some of them once more
    INTERLEAVE(8, end - 8)
    i = end;
  }
  for (; i < end; ++i) {
    uint word = 0;
    for (int c = 0; c < min(channels, 4); ++c) word |= (uint)codes[c * plane + i] << (8 * c);
    to[i] = word ^ OUTSIDE;
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
