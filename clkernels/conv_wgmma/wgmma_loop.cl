// The product of conv_wgmma: teams of four warps multiply, one warp copies weights and one patches of x.
//
// Local memory, in pieces of 16 bytes; the two pieces of a row are what one instruction sums:
//   patch    [stage, two][piece][position, X_PITCH of them]: of a chunk of channels, for all taps
//   weights  [stage][tile of the batch][piece][channel of T_M]: a tile is a tap of a chunk
// A stage is full once its meeting counted the copies, and empty once every multiplying warp arrived.
#define PIECES 2
#define BLOCKS (PIECES / BLOCK_PIECES)  // of a chunk
#define CHUNKS ((P_C + BLOCKS - 1) / BLOCKS)
#define P_TILES (CHUNKS * TAPS)
#define COPIERS 32  // of a patch
#define W_PIECES (T_M * PIECES)
// The pieces of a block of halves are neighbours in memory: with this pitch they are written to different banks.
#define X_PITCH (P_HALF ? (PATCH + 3) / 8 * 8 + 4 : PATCH)
#define X_PIECES (X_PITCH * PIECES)
#define SLOTS ((PATCH * BLOCK_PIECES + COPIERS - 1) / COPIERS)
#if TAPS <= 9
#define UNROLL_ROWS
#else
#define UNROLL_ROWS _Pragma("unroll 1")
#endif
#include "conv_wgmma/wgmma_teams.cl"

static inline void findOffsets(int copier, int tile, int* offsets) {
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) offsets[s] = patchOffset(tile, (s * COPIERS + copier) / BLOCK_PIECES);
}
// Copies a chunk of the patch: neighbours take neighbouring pieces of memory.
static inline void copyPatch(int chunk, int copier, const int* offsets, __global const PIECE* x, LOCAL_AT xl) {
  const int piece = copier % BLOCK_PIECES;
  x += chunk * (BLOCKS * X_PLANE * BLOCK_PIECES) + piece;
  xl += (piece * X_PITCH + copier / BLOCK_PIECES) * LOCAL_PIECE;
#pragma unroll
  for (int s = 0; s < SLOTS; ++s)
#pragma unroll
    for (int b = 0; b < BLOCKS; ++b)
      if ((s + 1) * COPIERS <= PATCH * BLOCK_PIECES || s * COPIERS + copier < PATCH * BLOCK_PIECES) {
        const int present = offsets[s] >= 0 & (P_C % BLOCKS == 0 | chunk * BLOCKS + b < P_C);
        COPY_TO(xl + (b * BLOCK_PIECES * X_PITCH + s * (COPIERS / BLOCK_PIECES)) * LOCAL_PIECE,
                x + (b * X_PLANE * BLOCK_PIECES + max(offsets[s], 0)), present);
      }
}

#if D_WGMMA
#include "conv_wgmma/wgmma_meetings.cl"

// Patches, by a warp: the first two are under way together, since their stages are empty.
static inline void copyPatches(int first, int last, int tile, __global const PIECE* x, uint xl, uint meetings) {
  const int copier = get_local_id(0) % COPIERS;
  int offsets[SLOTS];
  findOffsets(copier, tile, offsets);
  copyPatch(first, copier, offsets, x, xl);
  COMMIT_COPIES();
  if (last - first > 1) copyPatch(first + 1, copier, offsets, x, xl + X_PIECES * 16);
  COMMIT_COPIES();
  WAIT_FOR_COPIES(1);
  PROXY_FENCE();
  arriveAt(FULL_X(0));
  int stage = 1, parity = 0;
#pragma unroll 1
  for (int chunk = first + 1; chunk < last; ++chunk) {
    if (chunk > first + 1) {
      awaitMeeting(EMPTY_X(stage), parity);
      copyPatch(chunk, copier, offsets, x, xl + stage * (X_PIECES * 16));
      COMMIT_COPIES();
      parity ^= stage;
    }
    WAIT_FOR_COPIES(0);
    PROXY_FENCE();
    arriveAt(FULL_X(stage));
    stage ^= 1;
  }
}

// The multiplying warps. While a batch is multiplied, the stages of the one before are given back.
static inline void multiplyTiles(int first, int last, __local PIECE* wl, __local PIECE* xl, uint meetings) {
  const int sub = get_local_id(0) / 128 * T_SUBS, elected = get_local_id(0) % 32 == 0;
  const ulong pixels = DESCRIPTOR(EIGHT_STEP, X_PITCH), channels = DESCRIPTOR(8, T_M);
  const uint xAddress = ADDRESS(xl) / 16 + SUB_AT(sub), wAddress = ADDRESS(wl) / 16;
  Turn xt = {0, 0}, wt = {0, 0};
  uint usedX = 0, usedW = 0;  // meetings of the stages to give back
#pragma unroll 1
  for (int chunk = first; chunk < last; ++chunk) {
    awaitMeeting(FULL_X(xt.stage), xt.parity);
    const uint patch = xAddress + xt.stage * X_PIECES;
    UNROLL_ROWS
    for (int row = 0; row < TAPS; row += UNROLLED_TAPS) {
#pragma unroll
      for (int batch = 0; batch < UNROLLED_TAPS; batch += T_BATCH) {
        awaitMeeting(FULL_W(wt.stage), wt.parity);
        WGMMA_FENCE();
#pragma unroll
        for (int t = 0; t < T_BATCH; ++t) {
          const int tap = row + batch + t;
          const uint at = patch + TAP_AT(tap / P_KW, tap % P_KW);
          const ulong weights = channels | (ulong)(wAddress + (wt.stage * T_BATCH + t) * W_PIECES);
          WGMMA(0, pixels | (ulong)at, weights);
#if T_SUBS > 1
          WGMMA(1, pixels | (ulong)(at + SUB_STEP(sub)), weights);
#endif
        }
        WGMMA_COMMIT();
        WGMMA_WAIT(1);
        if (elected && usedW) arriveAt(usedW);
        if (elected && usedX) arriveAt(usedX);
        usedW = EMPTY_W(wt.stage), usedX = row + batch + T_BATCH == TAPS ? EMPTY_X(xt.stage) : 0;
        wt = nextTurn(wt, T_STAGES);
      }
    }
    xt = nextTurn(xt, 2);
  }
  WGMMA_WAIT(0);
}
#else
// The same by plain sums: a warp copies, then the teams multiply.
static inline void sumEmulated(int first, int last, int tile, __global const PIECE* w, __global const PIECE* x, __local PIECE* wl,
                               __local PIECE* xl, GEMM_T acc[SUM_ROWS][SUM_COLUMNS]) {
  const int item = get_local_id(0), copier = item - (ITEMS + 32);
  for (int part = 0; part < SUM_ROWS; ++part)
    for (int s = 0; s < SUM_COLUMNS; ++s) acc[part][s] = 0;
  for (int t = first * TAPS; t < last * TAPS; ++t) {
    const int tap = t % TAPS;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (copier >= 0) {
      int offsets[SLOTS];
      findOffsets(copier, tile, offsets);
      copyPatch(t / TAPS, copier, offsets, x, xl);
      for (int p = copier; p < W_PIECES; p += COPIERS) wl[p] = w[t * W_PIECES + p];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item >= ITEMS) continue;
    for (int part = 0; part < SUM_ROWS; ++part)
      for (int s = 0; s < SUM_COLUMNS; ++s) {
        const int channel = packedChannel(part, s, item), position = emulatedPosition(part, s, item, tap);
        for (int piece = 0; piece < PIECES; ++piece)
          acc[part][s] = addProducts(wl + piece * T_M + channel, xl + piece * X_PITCH + position, acc[part][s]);
      }
  }
}
#endif
