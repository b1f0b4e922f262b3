// Arithmetic of conv_depthwise.cl in codes, for AVX-512 VNNI: a lane's word holds a channel's codes of four rows of the input, so
// that one instruction adds the taps of a column. Where the next output row begins one row of taps further down (P_SHARE 2), it
// reads the same words with weights that are one byte further up.
//
// P_SHARE   rows of the output that a word serves: 1 or 2
// P_GROUPS  words of a column: (KH + P_SHARE - 1) rows, four each
// P_SPAN    columns that T_TX outputs touch
#if !defined(P_SHARE) || !defined(P_GROUPS) || !defined(P_SPAN)
#error "depthwise_words.cl needs P_SHARE, P_GROUPS and P_SPAN"
#endif
#include "common/dot4.cl"
#define WEIGHTS_OF_BLOCK(KH, KW) ((P_SHARE * P_GROUPS * (KW) + 1) * 64)

// Four rows; one outside the input is sixteen zeros, over and over.
typedef struct {
  __global const uchar* row[4];
  int step[4];
} FourRows;

static inline FourRows rowsFrom(const Depthwise d, int top, int taps) {
  FourRows rows;
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const int iy = top + r * d.DY;
    const bool inside = r < taps && iy >= 0 && iy < d.H;
    rows.row[r] = (__global const uchar*)(inside ? d.x + (long)iy * d.W * 16 : d.zeros);
    rows.step[r] = inside ? 16 : 0;
  }
  return rows;
}

static inline uint16 codesAt(const FourRows rows, int r, int ix) {
  return convert_uint16(vload16(0, rows.row[r] + (long)ix * rows.step[r]));
}
static inline uint16 wordsAt(const FourRows rows, int ix) {
  return (codesAt(rows, 0, ix) | codesAt(rows, 1, ix) << 8 | codesAt(rows, 2, ix) << 16 | codesAt(rows, 3, ix) << 24) ^
         CODE_BIAS;
}

// T_TX outputs of P_SHARE rows from column `ox` on.
static inline void sumsOf(const Depthwise d, int top, int ox, int16* tile) {
  __global const int* w = (__global const int*)d.w;
  const int16 correction = vload16(P_SHARE * P_GROUPS * d.KW, w);
  int16 acc[P_SHARE][T_TX];
#pragma unroll
  for (int s = 0; s < P_SHARE; ++s)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) acc[s][i] = correction;
  for (int group = 0; group < P_GROUPS; ++group) {
    const FourRows rows = rowsFrom(d, top + group * 4 * d.DY, d.KH + P_SHARE - 1 - group * 4);
    const int left = ox * P_STEP - d.padX, first = clamp(-left, 0, P_SPAN), end = clamp(d.W - left, first, P_SPAN);
    uint16 words[P_SPAN];
    for (int i = 0; i < first; ++i) words[i] = CODE_BIAS;
    for (int i = first; i < end; ++i) words[i] = wordsAt(rows, left + i);
    for (int i = end; i < P_SPAN; ++i) words[i] = CODE_BIAS;
    for (int kx = 0; kx < d.KW; ++kx) {
      int16 weights[P_SHARE];
#pragma unroll
      for (int s = 0; s < P_SHARE; ++s) weights[s] = vload16((s * P_GROUPS + group) * d.KW + kx, w);
#pragma unroll
      for (int i = 0; i < T_TX; ++i) {
        const uint16 value = words[i * P_STEP + kx * d.DX];
#pragma unroll
        for (int s = 0; s < P_SHARE; ++s) acc[s][i] = dot4x16(value, weights[s], acc[s][i]);
      }
    }
  }
#pragma unroll
  for (int s = 0; s < P_SHARE; ++s)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) tile[s * T_TX + i] = acc[s][i];
}

static inline void makeRows(const Depthwise d, const Finish finish, int yBegin, int yEnd, __global P_Y* y) {
  for (int oy = yBegin; oy < yEnd; oy += P_SHARE)
    for (int ox = 0; ox < d.OW; ox += T_TX) {
      int16 tile[P_SHARE * T_TX];
      sumsOf(d, oy * d.strideY - d.padY, ox, tile);
      for (int s = 0; s < min(P_SHARE, yEnd - oy); ++s)
        for (int i = 0; i < min(T_TX, d.OW - ox); ++i) {
          const int position = (oy + s) * d.OW + ox + i;
          storeFinished(finished(tile[s * T_TX + i], finish, d.c, d.C, position, (long)position * 16), finish, y,
                        (long)position * 16);
        }
    }
}
