// One tile of an INT8 convolution on a CPU: T_TX output pixels of one row x T_TK groups of 16 output channels, kept in
// T_TX * T_TK vector registers of 16 sums; a step takes four input channels: it loads T_TK vectors of weights (16 outputs x
// 4 channels) and broadcasts four codes of each of the T_TX pixels.
//
// T_TX, T_TK  the tile; T_TX * T_TK + T_TK + 1 vectors should fit the register file
// P_BLOCK     channel block of the input: 16 or 1
// P_STEP      input pixels between neighbouring output pixels of a tile (the stride in x; 1 for a deconvolution)
// P_PLANAR    1: the output is planar, 0: in blocks of 16 channels
// P_PATCH     words of a patch: at least what `KH` rows of `span` pixels take, and 16 more
//
// Layouts: input   x[((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK]
//          weights w[cb * blockStep + (((ky * KW + kx) * QUADS + q) * T_TK * 16 + k) * 4 + c], k < T_TK * 16, c < 4,
//                  where cb counts blocks of QUADS * 4 input channels, zero-padded
//          corrections[(ky * KW + kx) * T_TK * 16 + k], see below
//
// The codes that a tile sees of one input block are copied to `patch`, zeros where it reaches out of the image, so the
// inner loops test no border. Where the dot product wants biased codes (common/dot4.cl) the copy is biased, and the sums
// start at minus 128 times the sum of the weights of all taps used, which `corrections` holds per tap.
#if !defined(T_TX) || !defined(T_TK) || !defined(P_BLOCK) || !defined(P_STEP) || !defined(P_PATCH) || \
    !defined(P_PLANAR)
#error "q_tile.cl needs T_TX, T_TK, P_BLOCK, P_STEP, P_PATCH and P_PLANAR"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"
#include "common/dot4.cl"
#include "common/quant.cl"

#if P_BLOCK == 16
#define QUADS 4
#else
#define QUADS 1
#endif

// What one tile sees: extents of the input and of the taps, the input position of tap (0, 0) for its first pixel.
typedef struct {
  int C, H, W;         // input channels, rows, columns
  int KH, KW, DY, DX;  // taps and their dilation
  int blockStep;       // bytes of weights between input channel blocks
  int span;            // input columns a whole tile touches: the row length of a patch
  int top, left;
  int n;               // pixels of the tile inside the output, 1..T_TX
} Window;

// First tap t >= 0 with start + t * dilation >= 0; one past the last with start + t * dilation < extent.
static inline int firstTap(int start, int dilation) { return start < 0 ? (dilation - 1 - start) / dilation : 0; }
static inline int endTap(int start, int dilation, int extent, int taps) {
  return start >= extent ? 0 : min(taps, (extent - 1 - start) / dilation + 1);
}

// Words of `count` pixels from column `first` of a patch row on; `row` points to where its column 0 would lie.
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

// Copies the tap rows [ky0, ky1) x all columns of a window from input block cb.
static inline void copyPatch(__global const char* x, uint* patch, const Window v, int cb, int ky0, int ky1) {
  const int plane = v.H * v.W, first = clamp(-v.left, 0, v.span), end = clamp(v.W - v.left, first, v.span);
  x += (long)cb * plane * QUADS * 4;
  for (int ky = ky0; ky < ky1; ++ky) {
    uint* to = patch + ky * v.span * QUADS;
    for (int i = 0; i < first * QUADS; ++i) to[i] = CODE_BIAS;
    copyPixels(x + ((long)(v.top + ky * v.DY) * v.W + v.left) * P_BLOCK, to, first, end, plane, v.C - cb * 4);
    for (int i = end * QUADS; i < v.span * QUADS; ++i) to[i] = CODE_BIAS;
  }
}

// One tap: `quads` groups of four channels.
static inline void addTap(int16 acc[T_TK][T_TX], const uint* source, __global const int* taps, int quads) {
  for (int q = 0; q < quads; ++q) {
    int16 weights[T_TK];
#pragma unroll
    for (int j = 0; j < T_TK; ++j) weights[j] = vload16(q * T_TK + j, taps);
#pragma unroll
    for (int i = 0; i < T_TX; ++i) {
      const uint16 value = (uint16)(source[i * P_STEP * QUADS + q]);
#pragma unroll
      for (int j = 0; j < T_TK; ++j) acc[j][i] = dot4x16(value, weights[j], acc[j][i]);
    }
  }
}

// tile[j * T_TX + i] (+)= the taps of input blocks [cb0, cb1) for pixel i and channels j * 16 .. j * 16 + 15.
// It is overwritten where cb0 is 0, else added to.
static inline void accumulateTile(__global const char* x, __global const char* w, __global const int* corrections,
                                  const Window v, int cb0, int cb1, int16* tile) {
  const int last = v.left + (v.n - 1) * P_STEP;
  const int ky0 = firstTap(v.top, v.DY), ky1 = endTap(v.top, v.DY, v.H, v.KH);
  const int kx0 = firstTap(last, v.DX), kx1 = endTap(v.left, v.DX, v.W, v.KW);
  uint patch[P_PATCH] __attribute__((aligned(64)));

  int16 acc[T_TK][T_TX];
#pragma unroll
  for (int j = 0; j < T_TK; ++j) {
    int16 start = 0;
#if BIASED_CODES
    if (cb0 == 0)
      for (int ky = ky0; ky < ky1; ++ky)
        for (int kx = kx0; kx < kx1; ++kx) start += vload16((ky * v.KW + kx) * T_TK + j, corrections);
#endif
#pragma unroll
    for (int i = 0; i < T_TX; ++i) acc[j][i] = cb0 == 0 ? start : tile[j * T_TX + i];
  }

  for (int cb = cb0; cb < cb1; ++cb) {
    copyPatch(x, patch, v, cb, ky0, ky1);
    const int quads = min(QUADS, (v.C - cb * QUADS * 4 + 3) / 4);
    for (int ky = ky0; ky < ky1; ++ky) {
      for (int kx = kx0; kx < kx1; ++kx) {
        const uint* source = patch + (ky * v.span + kx * v.DX) * QUADS;
        __global const int* taps =
            (__global const int*)(w + (long)cb * v.blockStep) + (ky * v.KW + kx) * QUADS * T_TK * 16;
        if (quads == QUADS)
          addTap(acc, source, taps, QUADS);
        else
          addTap(acc, source, taps, quads);
      }
    }
  }

#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) tile[j * T_TX + i] = acc[j][i];
}

// Epilogue and store of v.n pixels of `blocks` groups of channels from k0 on. Pixel i of group j is element
// (j * plane + at + i * step) * 16 of y, which begins at channel k0; planar, channel c of it is element
// (j * 16 + c) * plane + at + i * step.
typedef struct {
  __global const float *multiplier, *bias, *slope;
  __global const Q_RESIDUAL* residual;
  float rate, residualScale;
} Finish;

static inline void storeTile(const int16* tile, const Finish f, __global Q_RESULT* y, int K, int k0, int blocks, int n,
                             int plane, int at, int step) {
  for (int j = 0; j < blocks; ++j) {
    const int k = k0 + j * 16;
    const float16 multiplier = vload16(0, f.multiplier + k), bias = biasAt(f.bias, k), slope = slopeAt(f.slope, k);
    for (int i = 0; i < n; ++i) {
      const int element = (j * plane + at + i * step) * 16;
      const float16 residual = P_HAS_RESIDUAL ? loadResidual(f.residual, element, f.residualScale) : (float16)(0.0f);
      const float16 value = quantisedEpilogue(tile[j * T_TX + i], multiplier, bias, residual, slope);
#if P_PLANAR
      Q_RESULT lanes[16];
#if P_CODED
      vstore16(encode(value, f.rate), 0, lanes);
#else
      vstore16(value, 0, lanes);
#endif
      for (int c = 0; c < min(16, K - k); ++c) y[(j * 16 + c) * plane + at + i * step] = lanes[c];
#else
      storeResult(k + 16 <= K ? value : maskLanes(value, K - k), y, element, f.rate);
#endif
    }
  }
}
