// One tile of a convolution on a CPU: T_TX output pixels of one row x T_TK groups of 16 output channels, kept in
// T_TX * T_TK vector registers; each step loads T_TK weight vectors and broadcasts T_TX inputs.
//
// T_TX, T_TK  the tile; T_TX * T_TK + T_TK + 1 vectors should fit the register file
// P_BLOCK     channel block of the input, 16 or 1
// P_STEP      input pixels between neighbouring output pixels of a tile (the stride in x; 1 for a deconvolution)
// D_PREFETCH  1: the compiler has __builtin_prefetch and one flat address space (a CPU)
// D_STREAM    1: the output is far larger than the caches and aligned to vectors: final values bypass the caches
//
// Layouts: input   x[((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK]
//          weights w[cb * blockStep + ((ky * KW + kx) * P_BLOCK + c % P_BLOCK) * T_TK * 16 + k], k < T_TK * 16
//
// There are no tests for the border in the inner loops. Rows and columns of taps that miss the input for the whole
// tile are left out of the loops; a tile with columns that are partly outside first copies the rows it needs into
// `patch`, with zeros, and reads from there.
#if !defined(T_TX) || !defined(T_TK) || !defined(P_BLOCK) || !defined(P_STEP) || !defined(D_PREFETCH) || \
    !defined(D_STREAM)
#error "tile.cl needs T_TX, T_TK, P_BLOCK, P_STEP, D_PREFETCH and D_STREAM"
#endif
#define PW_WIDTH 16
#include "common/activation.cl"

// What one tile sees: extents of the input and of the taps, the input position of tap (0, 0) for its first pixel.
typedef struct {
  int C, H, W;            // input channels, rows, columns
  int KH, KW, DY, DX;     // taps and their dilation
  int blockStep;          // weights between input channel blocks
  int span;               // input columns a whole tile touches: the row length of a patch
  int top, left;
  int n;                  // pixels of the tile inside the output, 1..T_TX
} Window;

// First tap t >= 0 with start + t * dilation >= 0; one past the last with start + t * dilation < extent.
static inline int firstTap(int start, int dilation) { return start < 0 ? (dilation - 1 - start) / dilation : 0; }
static inline int endTap(int start, int dilation, int extent, int taps) {
  return start >= extent ? 0 : min(taps, (extent - 1 - start) / dilation + 1);
}

// Copies the tap rows [ky0, ky1) x all columns of a window from one channel block, zeros outside the input.
static inline void copyPatch(__global const float* plane, __global float* patch, const Window v, int ky0, int ky1) {
  for (int ky = ky0; ky < ky1; ++ky) {
    __global const float* row = plane + (long)(v.top + ky * v.DY) * v.W * P_BLOCK;
    __global float* to = patch + ky * v.span * P_BLOCK;
    for (int i = 0; i < v.span; ++i) {
      const int ix = v.left + i;
      const bool inside = ix >= 0 && ix < v.W;
#if P_BLOCK == 16
      float16 pixel = 0.0f;
      if (inside) pixel = vload16(ix, row);
      vstore16(pixel, i, to);
#else
      to[i] = inside ? row[ix] : 0.0f;
#endif
    }
  }
}

// Asks for the pixels that one tap reads at `from`: the hardware does not foresee the leap to the next channel block.
static inline void prefetchPixels(__global const float* from) {
#if D_PREFETCH && P_BLOCK == 16
#pragma unroll
  for (int i = 0; i < T_TX; ++i) __builtin_prefetch((const void*)(size_t)(from + i * P_STEP * P_BLOCK));
#endif
}

// Stores 16 channels of a pixel; `final`: nothing reads them again before the whole output is written.
static inline void storeBlock(float16 value, __global float* to, bool final) {
#if D_STREAM
  if (final) {
    __builtin_nontemporal_store(value, (__global float16*)to);
    return;
  }
#endif
  vstore16(value, 0, to);
}

// tile[j * T_TX + i] (+)= the taps of input channel blocks [cb0, cb1) for pixel i and channels j * 16 .. j * 16 + 15.
// It is overwritten where cb0 is 0, else added to.
static inline void accumulateTile(__global const float* x, __global const float* w, __global float* patch,
                                  const Window v, int cb0, int cb1, float16* tile) {
  const int last = v.left + (v.n - 1) * P_STEP;
  const int ky0 = firstTap(v.top, v.DY), ky1 = endTap(v.top, v.DY, v.H, v.KH);
  const int kx0 = firstTap(last, v.DX), kx1 = endTap(v.left, v.DX, v.W, v.KW);
  // Pixels from n on are computed and thrown away: what they read need not be right, but must be inside the plane.
  const int farthest = (v.top + (ky1 - 1) * v.DY) * v.W + v.left + (T_TX - 1) * P_STEP + (kx1 - 1) * v.DX;
  const bool direct =
      v.left + kx0 * v.DX >= 0 && last + (kx1 - 1) * v.DX < v.W && farthest < v.H * v.W;
  const int rowStep = direct ? v.DY * v.W * P_BLOCK : v.span * P_BLOCK;

  float16 acc[T_TK][T_TX];
#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) acc[j][i] = cb0 == 0 ? (float16)(0.0f) : tile[j * T_TX + i];

  for (int cb = cb0; cb < cb1; ++cb) {
    __global const float* plane = x + (long)cb * v.H * v.W * P_BLOCK;
    __global const float* origin = plane + ((long)v.top * v.W + v.left) * P_BLOCK;
    if (!direct) {
      copyPatch(plane, patch, v, ky0, ky1);
      origin = patch;
    } else if (cb + 1 < cb1) {
      prefetchPixels(origin + (long)v.H * v.W * P_BLOCK + (long)(ky1 - 1) * rowStep);
    }
    const int channels = min(P_BLOCK, v.C - cb * P_BLOCK);
    for (int ky = ky0; ky < ky1; ++ky) {
      for (int kx = kx0; kx < kx1; ++kx) {
        __global const float* source = origin + (long)ky * rowStep + kx * v.DX * P_BLOCK;
        __global const float* taps = w + (long)cb * v.blockStep + (ky * v.KW + kx) * P_BLOCK * T_TK * 16;
        for (int c = 0; c < channels; ++c) {
          float16 weights[T_TK];
#pragma unroll
          for (int j = 0; j < T_TK; ++j) weights[j] = vload16(c * T_TK + j, taps);
#pragma unroll
          for (int i = 0; i < T_TX; ++i) {
            const float16 value = (float16)(source[i * P_STEP * P_BLOCK + c]);
#pragma unroll
            for (int j = 0; j < T_TK; ++j) acc[j][i] = fma(value, weights[j], acc[j][i]);
          }
        }
      }
    }
  }

#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) tile[j * T_TX + i] = acc[j][i];
}
