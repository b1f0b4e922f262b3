// The product of conv_pairs: teams of four warps multiply, a warp copies weights, and three warps make pairs of a patch of x.
// Twelve warps in all have 168 registers an item, thirteen would have 128.
//
// Local memory, in pieces of 16 bytes; two pieces of a row are what one instruction sums:
//   patch    [stage of T_PATCHES][high, low][piece][position of PATCH]: of a block of 16 channels, for all taps
//   weights  [stage of T_STAGES][tap of the batch][high, low][piece][channel of T_M]
#define COPIERS 96  // of a patch
#define W_PIECES (T_M * 4)
#define X_PIECES (PATCH * 4)
#define SLOTS ((PATCH * 2 + COPIERS - 1) / COPIERS)
// Blocks whose numbers an item has under way: as many as about 72 registers hold.
#define AHEAD_OF(slots) ((slots) > 4 ? 1 : (slots) > 3 ? 2 : 3)
#define BLOCKS_AHEAD AHEAD_OF(SLOTS)
// Unrolled taps are those whose products are added before they join the sums in f32.
#include "conv_wgmma/wgmma_teams.cl"

// How patches are scaled. Sizes of two patches: one is read while the next is found.
typedef struct {
  uint sizes[2][COPIERS / 32];
  float unscale[T_PATCHES];
} Scaling;

// Where an item's pieces come from: the first channel's place in x, -1 outside of it. Neighbours have neighbouring positions.
static inline void findOffsets(int copier, int tile, int* offsets) {
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) {
    const int at = s * COPIERS + copier, piece = at >= PATCH, offset = patchOffset(tile, at - piece * PATCH);
    offsets[s] = offset < 0 || at >= 2 * PATCH ? -1 : piece * (EIGHT * X_PLANE) + offset;
  }
}
// Reads an item's part of a block.
static inline void readPatch(int block, int copier, const int* offsets, __global const P_X* x, float (*v)[EIGHT]) {
  x += block * (16 * X_PLANE);
#pragma unroll
  for (int s = 0; s < SLOTS; ++s)
#pragma unroll
    for (int c = 0; c < EIGHT; ++c) {
      const int channel = block * 16 + (s * COPIERS + copier >= PATCH) * EIGHT + c;
      v[s][c] = offsets[s] >= 0 & (P_CIN % 16 == 0 | channel < P_CIN) ? LOAD(P_X, 1, x, offsets[s] + c * X_PLANE) : 0.0f;
    }
}
static inline uint greatestOf(float (*v)[EIGHT]) {
  uint size = 0;
#pragma unroll
  for (int s = 0; s < SLOTS; ++s)
#pragma unroll
    for (int c = 0; c < EIGHT; ++c) size = max(size, sizeOf(v[s][c]));
  return size;
}
static inline void writePatch(int copier, float (*v)[EIGHT], float scale, __local PIECE* xl) {
#pragma unroll
  for (int s = 0; s < SLOTS; ++s)
    if ((s + 1) * COPIERS <= 2 * PATCH || s * COPIERS + copier < 2 * PATCH)
      storePairs(v[s], scale, xl + s * COPIERS + copier, xl + 2 * PATCH + s * COPIERS + copier);
}

#if D_WGMMA
#include "conv_wgmma/wgmma_meetings.cl"

// The greatest size of all copiers.
static inline uint greatestSize(uint size, __local uint* sizes) {
  uint greatest;
  asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;" : "=r"(greatest) : "r"(size));
  if (get_local_id(0) % 32 == 0) sizes[(get_local_id(0) - ITEMS - 32) / 32] = greatest;
  asm volatile("bar.sync 1, 96;" ::: "memory");
  return max(max(sizes[0], sizes[1]), sizes[2]);
}

// Patches, while those of the next blocks are on their way.
static inline void copyPatches(int first, int last, int tile, __global const P_X* x, __local PIECE* xl, __local Scaling* scaling,
                               uint meetings) {
  const int copier = get_local_id(0) - (ITEMS + 32);
  int offsets[SLOTS];
  float v[BLOCKS_AHEAD][SLOTS][EIGHT];
  findOffsets(copier, tile, offsets);
#pragma unroll
  for (int a = 0; a < BLOCKS_AHEAD; ++a)
    if (first + a < last) readPatch(first + a, copier, offsets, x, v[a]);
  Turn turn = {0, 1};
  int parity = 0;
#pragma unroll 1
  for (int blocks = first; blocks < last; blocks += BLOCKS_AHEAD) {
#pragma unroll
    for (int a = 0; a < BLOCKS_AHEAD; ++a) {
      if (blocks + a >= last) return;
      const uint size = greatestSize(greatestOf(v[a]), scaling->sizes[parity]);
      awaitMeeting(EMPTY_X(turn.stage), turn.parity);
      writePatch(copier, v[a], scaleFor(size), xl + turn.stage * X_PIECES);
      if (copier == 0) scaling->unscale[turn.stage] = unscaleFor(size);
      PROXY_FENCE();
      arriveAt(FULL_X(turn.stage));
      turn = nextTurn(turn, T_PATCHES);
      parity ^= 1;
      if (blocks + a + BLOCKS_AHEAD < last) readPatch(blocks + a + BLOCKS_AHEAD, copier, offsets, x, v[a]);
    }
  }
}

// The multiplying warps. Low products come first, while the sums are small and little of them is cut.
static inline void multiplyTiles(int first, int last, __local PIECE* wl, __local PIECE* xl, __local Scaling* scaling,
                                 GEMM_T acc[SUM_ROWS][SUM_COLUMNS], uint meetings) {
  const int sub = get_local_id(0) / 128 * T_SUBS, elected = get_local_id(0) % 32 == 0;
  const ulong pixels = DESCRIPTOR(EIGHT_STEP, PATCH), channels = DESCRIPTOR(8, T_M);
  const uint xAddress = ADDRESS(xl) / 16 + SUB_AT(sub), wAddress = ADDRESS(wl) / 16;
  Turn xt = {0, 0}, wt = {0, 0};
#pragma unroll
  for (int part = 0; part < SUM_ROWS; ++part)
#pragma unroll
    for (int s = 0; s < SUM_COLUMNS; ++s) acc[part][s] = 0.0f;
#pragma unroll 1
  for (int block = first; block < last; ++block) {
    awaitMeeting(FULL_X(xt.stage), xt.parity);
    const float factor = scaling->unscale[xt.stage];
    const uint patch = xAddress + xt.stage * X_PIECES;
#pragma unroll 1
    for (int row = 0; row < TAPS; row += UNROLLED_TAPS) {
      uint used = 0;  // the meeting of the stage of weights to give back
#pragma unroll
      for (int batch = 0; batch < UNROLLED_TAPS; batch += T_BATCH) {
        awaitMeeting(FULL_W(wt.stage), wt.parity);
        WGMMA_FENCE();
        const uint weights = wAddress + wt.stage * (T_BATCH * W_PIECES);
#pragma unroll
        for (int t = 0; t < T_BATCH; ++t) {
          const int tap = row + batch + t;
          const ulong high = pixels | (ulong)(patch + TAP_AT(tap / P_KW, tap % P_KW)), low = high + 2 * PATCH;
          const ulong highWeights = channels | (ulong)(weights + t * W_PIECES), lowWeights = highWeights + 2 * T_M;
          if (batch + t == 0) {
            WGMMA_FIRST(0, low, highWeights);
#if T_SUBS > 1
            WGMMA_FIRST(1, low + SUB_STEP(sub), highWeights);
#endif
          } else {
            WGMMA(0, low, highWeights);
#if T_SUBS > 1
            WGMMA(1, low + SUB_STEP(sub), highWeights);
#endif
          }
          WGMMA(0, high, lowWeights);
#if T_SUBS > 1
          WGMMA(1, high + SUB_STEP(sub), lowWeights);
#endif
        }
#pragma unroll
        for (int t = 0; t < T_BATCH; ++t) {
          const int tap = row + batch + t;
          const ulong high = pixels | (ulong)(patch + TAP_AT(tap / P_KW, tap % P_KW));
          const ulong highWeights = channels | (ulong)(weights + t * W_PIECES);
          WGMMA(0, high, highWeights);
#if T_SUBS > 1
          WGMMA(1, high + SUB_STEP(sub), highWeights);
#endif
        }
        WGMMA_COMMIT();
        WGMMA_WAIT(1);
        if (elected && used) arriveAt(used);
        used = EMPTY_W(wt.stage);
        wt = nextTurn(wt, T_STAGES);
      }
      WGMMA_WAIT(0);
      if (elected) {
        arriveAt(used);
        if (row + UNROLLED_TAPS == TAPS) arriveAt(EMPTY_X(xt.stage));
      }
      EACH_SUM(ADD_SUM)
    }
    xt = nextTurn(xt, T_PATCHES);
  }
}
#else
// The same by plain sums.
static inline float sumOfPairs(__local const PIECE* x, int xLow, __local const PIECE* w, int wLow) {
  float low = addProducts(w, x + xLow, 0.0f);
  low = addProducts(w + wLow, x, low);
  return addProducts(w, x, low);
}
static inline void sumEmulated(int first, int last, int tile, __global const PIECE* w, __global const P_X* x, __local PIECE* wl,
                               __local PIECE* xl, __local Scaling* scaling, GEMM_T acc[SUM_ROWS][SUM_COLUMNS]) {
  const int item = get_local_id(0), copier = item - (ITEMS + 32);
  __local uint* greatest = scaling->sizes[0];
  for (int part = 0; part < SUM_ROWS; ++part)
    for (int s = 0; s < SUM_COLUMNS; ++s) acc[part][s] = 0.0f;
  for (int t = first * TAPS; t < last * TAPS; ++t) {
    const int block = t / TAPS, tap = t % TAPS;
    float v[SLOTS][EIGHT];
    uint size = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item == 0) *greatest = 0;
    if (copier >= 0) {
      int offsets[SLOTS];
      findOffsets(copier, tile, offsets);
      readPatch(block, copier, offsets, x, v);
      size = greatestOf(v);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (copier >= 0) {
      atomic_max(greatest, size);
      for (int p = copier; p < W_PIECES; p += COPIERS) wl[p] = w[t * W_PIECES + p];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (copier >= 0) writePatch(copier, v, scaleFor(*greatest), xl);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item >= ITEMS) continue;
    const float factor = unscaleFor(*greatest);
    for (int part = 0; part < SUM_ROWS; ++part)
      for (int s = 0; s < SUM_COLUMNS; ++s) {
        const int channel = packedChannel(part, s, item), position = emulatedPosition(part, s, item, tap);
        for (int piece = 0; piece < 2; ++piece)
          acc[part][s] = fma(sumOfPairs(xl + piece * PATCH + position, 2 * PATCH, wl + piece * T_M + channel, 2 * T_M), factor, acc[part][s]);
      }
  }
}
#endif
