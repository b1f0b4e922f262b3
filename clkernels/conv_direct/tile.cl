// One tile of a convolution on a CPU: T_TX output pixels of one row x T_TK groups of 16 output channels, kept in
// T_TX * T_TK vector registers of sums; each step loads T_TK weight vectors and broadcasts T_TX inputs. The same for f32,
// half and codes: what differs is in tile_floats.cl, tile_codes.cl and common/finish.cl.
//
// T_TX, T_TK  the tile; T_TX * T_TK + T_TK + 1 vectors should fit the register file
// P_BLOCK     channel block of the input, 16 or 1
// P_STEP      input pixels between neighbouring output pixels of a tile (the stride in x; 1 for a deconvolution)
// P_PATCH     elements of a patch in private memory, at least what KH rows of `span` pixels take; 0: patches are scratch
// D_PREFETCH  1: the compiler has __builtin_prefetch and one flat address space (a CPU)
// P_CODES, P_X, P_WEIGHTS, P_R, P_Y, D_STREAM  see common/finish.cl
//
// Layouts: input   x[((c / P_BLOCK) * H * W + iy * W + ix) * P_BLOCK + c % P_BLOCK]
//          weights w[cb * blockStep + ((ky * KW + kx) * DEPTH + c % DEPTH) * T_TK * 16 + k], k < T_TK * 16, zero-padded;
//                  of codes the channels of a step lie together, four or two: (((ky * KW + kx) * STEPS + s) * T_TK * 16 + k) * n + c % n
//
// There are no tests for the border in the inner loops. Rows and columns of taps that miss the input for the whole
// tile are left out of the loops; a tile with columns that are partly outside, or whose input is kept in another form than
// a step takes it, first copies the rows it needs into a patch, with zeros, and reads from there.
//
// The arithmetic defines
//   DEPTH, STEPS   input channels of a block of the weights; steps they take
//   ELEMENT        what a step broadcasts of a pixel; OUTSIDE: its value beside the image
//   IN_PLACE       1: x is read in place where a tile is inside; SUMS_IN_Y  1: partial sums wait in y; 0: in scratch
//   WHOLE_BLOCKS   1: blocks with all channels are worth a loop of their own
//   WEIGHTS16(taps, i), MULTIPLY_ADD(value, weights, sums), copyPixels(), firstSums()
//   Taps, TAPS_OPERANDS, TAPS  as Finish, FINISH_OPERANDS and FINISH in common/finish.cl
#if !defined(T_TX) || !defined(T_TK) || !defined(P_BLOCK) || !defined(P_STEP) || !defined(P_PATCH) || !defined(D_PREFETCH)
#error "tile.cl needs T_TX, T_TK, P_BLOCK, P_STEP, P_PATCH and D_PREFETCH"
#endif
#include "common/finish.cl"

#if P_PATCH
#define PATCH
#else
#define PATCH __global
#endif

// What one tile sees: extents of the input and of the taps, the input position of tap (0, 0) for its first pixel.
typedef struct {
  int C, H, W;         // input channels, rows, columns
  int KH, KW, DY, DX;  // taps and their dilation
  int blockStep;       // weights between input channel blocks
  int span;            // input columns a whole tile touches: the row length of a patch
  int top, left;
  int n;               // pixels of the tile inside the output, 1..T_TX
} Window;

#if P_CODES
#include "common/dot4.cl"
#include "conv_direct/tile_codes.cl"
#else
#include "conv_direct/tile_floats.cl"
#endif

// First tap t >= 0 with start + t * dilation >= 0; one past the last with start + t * dilation < extent.
static inline int firstTap(int start, int dilation) { return start < 0 ? (dilation - 1 - start) / dilation : 0; }
static inline int endTap(int start, int dilation, int extent, int taps) {
  return start >= extent ? 0 : min(taps, (extent - 1 - start) / dilation + 1);
}

// Copies the tap rows [ky0, ky1) x all columns of a window from input block cb, OUTSIDE where they leave the image.
static inline void copyPatch(__global const P_X* x, PATCH ELEMENT* patch, const Window v, int cb, int ky0, int ky1) {
  const int plane = v.H * v.W, first = clamp(-v.left, 0, v.span), end = clamp(v.W - v.left, first, v.span);
  x += (long)cb * plane * DEPTH;
  for (int ky = ky0; ky < ky1; ++ky) {
    PATCH ELEMENT* to = patch + ky * v.span * STEPS;
    for (int i = 0; i < first * STEPS; ++i) to[i] = OUTSIDE;
    copyPixels(x + ((long)(v.top + ky * v.DY) * v.W + v.left) * P_BLOCK, to, first, end, plane, v.C - cb * DEPTH);
    for (int i = end * STEPS; i < v.span * STEPS; ++i) to[i] = OUTSIDE;
  }
}

// Asks for the pixels that one tap reads at `from`: the hardware does not foresee the leap to the next channel block.
static inline void prefetchPixels(__global const P_X* from) {
#if D_PREFETCH && P_BLOCK == 16 && (!P_CODES || IN_PLACE)
  // Four pixels in codes are a cache line.
#pragma unroll
  for (int i = 0; i < T_TX; i += P_CODES && P_STEP == 1 ? 4 : 1) __builtin_prefetch((const void*)(size_t)(from + i * P_STEP * P_BLOCK));
#endif
}

// One tap of the first `steps` steps of an input block.
static inline void addTap(SUMS acc[T_TK][T_TX], const PATCH ELEMENT* source, __global const P_WEIGHTS* taps, int steps) {
  for (int s = 0; s < steps; ++s) {
    SUMS weights[T_TK];
#pragma unroll
    for (int j = 0; j < T_TK; ++j) weights[j] = WEIGHTS16(taps, s * T_TK + j);
#pragma unroll
    for (int i = 0; i < T_TX; ++i) {
      const PW_CAT(ELEMENT, 16) value = (PW_CAT(ELEMENT, 16))(source[i * P_STEP * STEPS + s]);
#pragma unroll
      for (int j = 0; j < T_TK; ++j) acc[j][i] = MULTIPLY_ADD(value, weights[j], acc[j][i]);
    }
  }
}

// tile[j * T_TX + i] (+)= the taps of input channel blocks [cb0, cb1) for pixel i and channels j * 16 .. j * 16 + 15.
// It is overwritten where cb0 is 0, else added to. `scratch`: the patch of a work-item where P_PATCH is 0.
static inline void accumulateTile(__global const P_X* x, const Taps weights, __global SUM* scratch, const Window v, int cb0,
                                  int cb1, SUMS* tile) {
  const int last = v.left + (v.n - 1) * P_STEP;
  const int ky0 = firstTap(v.top, v.DY), ky1 = endTap(v.top, v.DY, v.H, v.KH);
  const int kx0 = firstTap(last, v.DX), kx1 = endTap(v.left, v.DX, v.W, v.KW);
#if P_PATCH
  ELEMENT patch[P_PATCH] __attribute__((aligned(64)));
#else
  __global ELEMENT* patch = (__global ELEMENT*)scratch;
#endif
#if IN_PLACE
  // Pixels from n on are computed and thrown away: what they read need not be right, but must be inside the plane.
  const int farthest = (v.top + (ky1 - 1) * v.DY) * v.W + v.left + (T_TX - 1) * P_STEP + (kx1 - 1) * v.DX;
  const bool direct = v.left + kx0 * v.DX >= 0 && last + (kx1 - 1) * v.DX < v.W && farthest < v.H * v.W;
#else
  const bool direct = false;
#endif
  const int rowStep = (direct ? v.DY * v.W : v.span) * STEPS;

  SUMS acc[T_TK][T_TX];
#pragma unroll
  for (int j = 0; j < T_TK; ++j) {
    const SUMS first = cb0 == 0 ? firstSums(weights, v, ky0, ky1, kx0, kx1, j) : (SUMS)(0);
#pragma unroll
    for (int i = 0; i < T_TX; ++i) acc[j][i] = cb0 == 0 ? first : tile[j * T_TX + i];
  }

  for (int cb = cb0; cb < cb1; ++cb) {
    const PATCH ELEMENT* origin = patch;
    if (!direct) copyPatch(x, patch, v, cb, ky0, ky1);
#if IN_PLACE
    if (direct) origin = (const PATCH ELEMENT*)(x + (((long)cb * v.H + v.top) * v.W + v.left) * P_BLOCK);
#endif
    if ((direct || !IN_PLACE) && cb + 1 < cb1)
      prefetchPixels(x + (((long)(cb + 1) * v.H + v.top + (ky1 - 1) * v.DY) * v.W + v.left) * P_BLOCK);
    const int steps = min(STEPS, (v.C - cb * DEPTH + DEPTH / STEPS - 1) / (DEPTH / STEPS));
    for (int ky = ky0; ky < ky1; ++ky) {
      for (int kx = kx0; kx < kx1; ++kx) {
        const PATCH ELEMENT* source = origin + (long)ky * rowStep + kx * v.DX * STEPS;
        __global const P_WEIGHTS* taps = weights.w + (long)cb * v.blockStep + (ky * v.KW + kx) * DEPTH * T_TK * 16;
        if (WHOLE_BLOCKS && steps == STEPS)
          addTap(acc, source, taps, STEPS);
        else
          addTap(acc, source, taps, steps);
      }
    }
  }

#pragma unroll
  for (int j = 0; j < T_TK; ++j)
#pragma unroll
    for (int i = 0; i < T_TX; ++i) tile[j * T_TX + i] = acc[j][i];
}

// What a work-item computes: output channels k0 .. of one tile, from one group's input channels.
typedef struct {
  __global const P_X* x;   // of the group
  Taps taps;               // of the channel tile
  Finish finish;
  __global P_Y* y;         // from channel k0 on, as the residual
  __global SUM* scratch;   // the work-item's: a patch, or partial sums
  int K, k0;
  int blocks;              // of 16 output channels in this tile, at most T_TK
  int plane;               // pixels of the output
  int cBlocks;             // input blocks
} Work;

// x, y and the residual begin at the batch item; kBlocks, tapCount: of a group; perItem: scratch of a work-item.
static inline Work workOf(__global const P_X* x, const Taps taps, Finish finish, __global P_Y* y, __global SUM* scratch,
                          long perItem, const Window v, int tapCount, int K, int kBlocks, int plane) {
  const int kTile = get_global_id(1), tilesPerGroup = (kBlocks + T_TK - 1) / T_TK;
  const int group = kTile / tilesPerGroup, firstBlock = kTile % tilesPerGroup * T_TK;
  const int k0 = (group * kBlocks + firstBlock) * 16, cBlocks = (v.C + DEPTH - 1) / DEPTH;
  const long workItem = ((long)get_global_id(2) * get_global_size(1) + kTile) * get_global_size(0) + get_global_id(0);
  finish.residual += (long)k0 * plane;
  const Work work = {x + (long)group * v.C * v.H * v.W,
                     tapsFrom(taps, (long)kTile * cBlocks * v.blockStep, (long)kTile * tapCount * T_TK * 16),
                     finish,
                     y + (long)k0 * plane,
                     scratch + workItem * perItem,
                     K,
                     k0,
                     min(T_TK, kBlocks - firstBlock),
                     plane,
                     cBlocks};
  return work;
}

// Epilogue and store. Pixel i of group j is element (j * plane + at + i * step) * 16 of y; planar, its channel c is element
// (j * 16 + c) * plane + at + i * step.
static inline void storeTile(const SUMS* tile, const Work work, int n, int at, int step) {
  for (int j = 0; j < work.blocks; ++j) {
    const int k = work.k0 + j * 16;
    for (int i = 0; i < n; ++i) {
      const long element = ((long)j * work.plane + at + i * step) * 16;
      const float16 value = finished(tile[j * T_TX + i], work.finish, k, work.K, at + i * step, element);
#if P_CODES && P_PLANAR
      P_Y lanes[16];
      storeLanes(value, work.finish, lanes);
      for (int c = 0; c < min(16, work.K - k); ++c) work.y[(j * 16 + c) * work.plane + at + i * step] = lanes[c];
#else
      storeFinished(value, work.finish, work.y, element);
#endif
    }
  }
}

// Computes the tile of pixels at, at + step, .. of the output from input blocks [cb0, cb1). With more passes than one, sums
// wait in y, or in `kept`.
static inline void makeTile(const Work work, const Taps taps, const Window v, int cb0, int cb1, int at, int step,
                            __global SUM* kept) {
#if SUMS_IN_Y
  __global SUM* waiting = work.y + (long)at * 16;
  const long blockStep = work.plane, pixelStep = step;
#else
  __global SUM* waiting = kept;
  const long blockStep = T_TX, pixelStep = 1;
#endif
  SUMS tile[T_TK * T_TX];
  if (cb0 > 0)
    for (int j = 0; j < work.blocks; ++j)
      for (int i = 0; i < v.n; ++i) tile[j * T_TX + i] = vload16(j * blockStep + i * pixelStep, waiting);
  accumulateTile(work.x, taps, work.scratch, v, cb0, cb1, tile);
  if (cb1 == work.cBlocks) {
    storeTile(tile, work, v.n, at, step);
    return;
  }
  for (int j = 0; j < work.blocks; ++j)
    for (int i = 0; i < v.n; ++i) vstore16(tile[j * T_TX + i], j * blockStep + i * pixelStep, waiting);
}
