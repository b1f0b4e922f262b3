// The product of conv_mma: tiles of weights and of gathered x through local memory, T_STAGES of them at a time, into the sums of
// conv_mma/mma_tile.cl. Layouts as in conv_mma.cl.
#include "common/window.cl"

#define ROW_TILES ((P_ROWS + T_M - 1) / T_M)
#define BLOCK_PIECES (1 + P_HALF)  // of a block of 16 channels at one pixel
#define BLOCKS (PIECES / BLOCK_PIECES)  // of a row of a tile
#define P_TILES ((P_C + BLOCKS - 1) / BLOCKS * TAPS)

// How items share the copies of a tile of x: neighbours take neighbouring pieces of memory, COLUMNS of them by BLOCKS.
#define COLUMNS (T_N * BLOCK_PIECES)
#define SLOTS (COLUMNS > ITEMS ? COLUMNS / ITEMS : 1)
#define BLOCK_STEP (COLUMNS > ITEMS ? 1 : ITEMS / COLUMNS)
#define X_COPIES ((BLOCKS + BLOCK_STEP - 1) / BLOCK_STEP)
#define W_PIECES (T_M * PIECES)
// Work-groups that share a unit are D_UNITS apart: then they read the same weights, of the same rows, at about the same time.
// Neighbouring taps read x again.
#if D_UNITS % (ROW_TILES * P_GROUPS) == 0
#define COPY_WEIGHTS copyCached
#else
#define COPY_WEIGHTS copyPast
#endif
#define W_COPIES ((W_PIECES + ITEMS - 1) / ITEMS)

// The tile of k that is copied next: it moves on without a division, since address arithmetic is what tensor cores wait for.
typedef struct {
  int left;  // tiles to come, this one included
  int block, ky, kx;  // its first block of channels, and its tap
  int offset;  // pieces of x from the window's first to it
  __global const PIECE* w;  // this item's first piece
} Next;

static inline Next nextFrom(int first, int last, int item, __global const PIECE* w) {
  const int chunk = first / TAPS, tap = first - chunk * TAPS;
  Next next;
  next.left = last - first;
  next.block = chunk * BLOCKS, next.ky = tap / P_KW, next.kx = tap - next.ky * P_KW;
  next.offset = (next.block * X_PLANE + next.ky * P_DY * P_W + next.kx * P_DX) * BLOCK_PIECES;
  next.w = w + first * (ROW_TILES * W_PIECES) + item;
  return next;
}

static inline void advance(Next* next) {
  --next->left;
  next->w += ROW_TILES * W_PIECES;
#if TAPS == 1
  next->block += BLOCKS;
  next->offset += BLOCKS * X_PLANE * BLOCK_PIECES;
#else
  const int row = next->kx + 1 == P_KW, chunk = row && next->ky + 1 == P_KH;
  next->kx = row ? 0 : next->kx + 1;
  next->ky = chunk ? 0 : next->ky + row;
  next->block += chunk ? BLOCKS : 0;
  next->offset += BLOCK_PIECES * (P_DX + (row ? P_DY * P_W - P_KW * P_DX : 0) +
                                  (chunk ? BLOCKS * X_PLANE - P_KH * P_DY * P_W : 0));
#endif
}

// What an item gathers for one pixel: where its window begins, and which taps are inside the image.
typedef struct {
  __global const PIECE* from;
  Window window;
} Source;

// Copies a tile and moves on; zeros where nothing is left, so that there is no branch.
static inline void copyNext(Next* next, int item, const Source* sources, __local PIECE* wl, __local PIECE* xl) {
#pragma unroll
  for (int i = 0; i < W_COPIES; ++i) {
    const int p = item + i * ITEMS;
    if (W_PIECES % ITEMS == 0 || p < W_PIECES)
      COPY_WEIGHTS(wl + PIECE_AT(p / PIECES, p % PIECES), next->w + i * ITEMS, next->left > 0);
  }
  const int first = item / COLUMNS;
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) {
    const int column = item % COLUMNS + s * ITEMS, row = column / BLOCK_PIECES, piece = column % BLOCK_PIECES;
    const int inside = tapInside(sources[s].window, next->ky, next->kx) & (next->left > 0);
#pragma unroll
    for (int r = 0; r < X_COPIES; ++r) {
      const int block = first + r * BLOCK_STEP, present = inside & (P_C % BLOCKS == 0 | next->block + block < P_C);
      if (BLOCKS % BLOCK_STEP == 0 || block < BLOCKS)
        copyCached(xl + PIECE_AT(row, block * BLOCK_PIECES + piece),
                   sources[s].from + (next->offset + r * (BLOCK_STEP * X_PLANE * BLOCK_PIECES)), present);
    }
  }
  advance(next);
}

// The sums of k tiles first..last-1.
static inline void accumulate(int first, int last, int pixelTile, __global const PIECE* w, __global const PIECE* x,
                              __local PIECE* wl, __local PIECE* xl, GEMM_T sums[SUM_ROWS][SUM_COLUMNS]) {
  const int item = get_local_id(0);
  const int2 at = itemAt(item);
  Source sources[SLOTS];
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) {
    const int column = item % COLUMNS + s * ITEMS;
    sources[s].window = windowOf(pixelTile * T_N + column / BLOCK_PIECES, P_XBATCH);
    sources[s].from = x + ((sources[s].window.base + item / COLUMNS * X_PLANE) * BLOCK_PIECES + column % BLOCK_PIECES);
  }
  Next next = nextFrom(first, last, item, w);
#pragma unroll
  for (int i = 0; i < SUM_ROWS; ++i)
#pragma unroll
    for (int j = 0; j < SUM_COLUMNS; ++j) sums[i][j] = 0;
#pragma unroll
  for (int s = 0; s < T_STAGES - 1; ++s) {
    copyNext(&next, item, sources, wl + s * W_PIECES, xl + s * (T_N * PIECES));
    COMMIT_COPIES();
  }
  int stage = 0, ahead = T_STAGES - 1;
  for (int t = first; t < last; ++t) {
    WAIT_FOR_COPIES(T_STAGES - 2);
    barrier(CLK_LOCAL_MEM_FENCE);
    // Copies begin before long sums and after short ones, as measured on an H200.
#pragma unroll
    for (int step = STEPS > 1 ? -1 : 0; step < STEPS; ++step) {
      if (step >= 0) multiply(wl + stage * W_PIECES, xl + stage * (T_N * PIECES), at, step, sums);
      if (step == (STEPS > 1 ? -1 : 0)) {
        copyNext(&next, item, sources, wl + ahead * W_PIECES, xl + ahead * (T_N * PIECES));
        COMMIT_COPIES();
      }
    }
    stage = stage + 1 == T_STAGES ? 0 : stage + 1;
    ahead = ahead + 1 == T_STAGES ? 0 : ahead + 1;
  }
}
