// The product of an implicit GEMM: tiles of weights and of gathered x through local memory into registers. conv_gemm.cl says
// what T_ and P_ macros mean; the layouts of x and the weights are stated there. P_X and P_WEIGHTS are their elements in memory;
// T_ASYNC >= 2 copies them as they are, so that both must be GEMM_T.
//
// The including file defines, besides those macros:
// GEMM_T, GEMM_T4        element of local tiles and sums (float, or int for four codes), and four of them
// GEMM_MAC(a, b, sum)    sum + a * b
// LOAD_X1(p, i), LOAD_X4(p, i)  element i of x, four from i on (aligned to four), as GEMM_T and GEMM_T4
// LOAD_W4(p, i)          four weights from i on, aligned to four
// and includes, before this file, the inner product: common/gemm_tile.cl, which defines ITEMS, the
// pitches of the local tiles and what an item keeps of the sums.
#if !defined(T_VX) || !defined(T_FLAT) || !defined(T_SPLIT) || !defined(T_ASYNC) || !defined(GEMM_T)
#error "an implicit GEMM needs T_VX, T_FLAT, T_SPLIT, T_ASYNC and GEMM_T"
#endif
#include "common/window.cl"
#if !defined(ITEMS) || !defined(W_PITCH) || !defined(X_PITCH) || !defined(SUM_ROWS) || !defined(SUM_COLUMNS)
#error "an implicit GEMM needs the inner product before it"
#endif

#define ROW_TILES ((P_ROWS + T_M - 1) / T_M)
#define P_ROWS4 (ROW_TILES * T_M)
#define P_PIXELS4 ((P_PIXELS + 3) / 4 * 4)
#if T_FLAT
#define P_TILES ((P_C * TAPS + T_K - 1) / T_K)
#else
#define P_TILES ((P_C + T_K - 1) / T_K * TAPS)
#endif

// How items share the loads of a tile of x: COLUMNS vectors of T_VX pixels by T_K rows of k.
#define COLUMNS (T_N / T_VX)
#define SLOTS (COLUMNS > ITEMS ? COLUMNS / ITEMS : 1)
#define ROW_STEP (COLUMNS > ITEMS ? 1 : ITEMS / COLUMNS)
#define X_LOADS ((T_K + ROW_STEP - 1) / ROW_STEP)
#define EVEN (COLUMNS > ITEMS || (T_K % ROW_STEP == 0 && ITEMS % COLUMNS == 0))
#define FIRST_ROW(item) (EVEN || (item) / COLUMNS < ROW_STEP ? (item) / COLUMNS : T_K)
#define W_VECTORS (T_K * T_M / 4)
#define W_LOADS ((W_VECTORS + ITEMS - 1) / ITEMS)
#define STAGES (T_ASYNC < 2 ? 2 : T_ASYNC)
// Where vector v of a tile of weights lies in local memory, and vectors of T_VX pixels between rows of a tile of x.
#define W_AT(v) (W_PITCH == T_M / 4 ? (v) : (v) / (T_M / 4) * W_PITCH + (v) % (T_M / 4))
#define X_COLUMNS (X_PITCH * 4 / T_VX)

#if T_VX == 4
#define X_T GEMM_T4
#define X_ZERO (GEMM_T4)(0)
#define LOAD_X(p, i) LOAD_X4(p, i)
#else
#define X_T GEMM_T
#define X_ZERO 0
#define LOAD_X(p, i) LOAD_X1(p, i)
#endif

// Position of a tile's rows in x.
typedef struct {
  int offset;  // of the tile's first channel at its tap
  int channels;  // left from the first one on
  int ky, kx;
} Tile;
static inline Tile tileAt(int t) {
  const int block = t / TAPS, tap = t - block * TAPS;
  Tile tile;
  tile.ky = tap / P_KW;
  tile.kx = tap - tile.ky * P_KW;
  tile.offset = block * T_K * X_PLANE + tile.ky * P_DY * P_W + tile.kx * P_DX;
  tile.channels = P_C - block * T_K;
  return tile;
}

#if T_ASYNC < 2
static inline void loadTile(int t, int item, __global const P_WEIGHTS* w, __global const P_X* x, __global const int2* table,
                            const Window* windows, GEMM_T4* ws, X_T* xs) {
  const int row = FIRST_ROW(item);
#pragma unroll
  for (int i = 0; i < W_LOADS; ++i) {
    const int v = item + i * ITEMS;
    if (W_VECTORS % ITEMS == 0 || v < W_VECTORS)
      ws[i] = LOAD_W4(w, (t * T_K + v / (T_M / 4)) * P_ROWS4 + v % (T_M / 4) * 4);
  }
#if T_FLAT
#pragma unroll
  for (int r = 0; r < X_LOADS; ++r) {
    const int k = row + r * ROW_STEP;
    if (EVEN || k < T_K) {
      const int2 entry = table[t * T_K + k];
#pragma unroll
      for (int s = 0; s < SLOTS; ++s)
        xs[r * SLOTS + s] =
            tapInside(windows[s], entry.y & 31, entry.y >> 5) ? LOAD_X(x, windows[s].base + entry.x) : X_ZERO;
    }
  }
#else
  const Tile tile = tileAt(t);
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) {
    const int inside = tapInside(windows[s], tile.ky, tile.kx);
    __global const P_X* from = x + (windows[s].base + tile.offset + row * X_PLANE);
#pragma unroll
    for (int r = 0; r < X_LOADS; ++r) {
      const int k = row + r * ROW_STEP;
      const int present = (EVEN || k < T_K) && (P_C % T_K == 0 || k < tile.channels);
      xs[r * SLOTS + s] = inside && present ? LOAD_X(from, r * ROW_STEP * X_PLANE) : X_ZERO;
    }
  }
#endif
}

static inline void storeTile(int item, const GEMM_T4* ws, const X_T* xs, __local GEMM_T4* wl, __local GEMM_T* xl) {
  const int row = FIRST_ROW(item);
#pragma unroll
  for (int i = 0; i < W_LOADS; ++i) {
    const int v = item + i * ITEMS;
    if (W_VECTORS % ITEMS == 0 || v < W_VECTORS) wl[W_AT(v)] = ws[i];
  }
#pragma unroll
  for (int r = 0; r < X_LOADS; ++r) {
    const int k = row + r * ROW_STEP;
    if (EVEN || k < T_K) {
#pragma unroll
      for (int s = 0; s < SLOTS; ++s)
        ((__local X_T*)xl)[k * X_COLUMNS + item % COLUMNS + s * ITEMS] = xs[r * SLOTS + s];
    }
  }
}
#else
// Copies `size` bytes (4 or 16) to local memory behind the item's back; zeros where `present` is 0.
static inline void copyAsync4(__local const void* to, __global const void* from, int present) {
  const uint address = (uint)(size_t)to;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(from), "r"(present ? 4 : 0));
}
static inline void copyAsync16(__local const void* to, __global const void* from, int present) {
  const uint address = (uint)(size_t)to;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(present ? 16 : 0));
}
#if T_VX == 4
#define COPY_X copyAsync16
#else
#define COPY_X copyAsync4
#endif

static inline void copyTile(int t, int item, __global const P_WEIGHTS* w, __global const P_X* x, __global const int2* table,
                            const Window* windows, __local GEMM_T4* wl, __local GEMM_T* xl) {
  const int row = FIRST_ROW(item);
#pragma unroll
  for (int i = 0; i < W_LOADS; ++i) {
    const int v = item + i * ITEMS;
    if (W_VECTORS % ITEMS == 0 || v < W_VECTORS)
      copyAsync16(wl + W_AT(v), w + ((t * T_K + v / (T_M / 4)) * P_ROWS4 + v % (T_M / 4) * 4), 1);
  }
  __local X_T* to = (__local X_T*)xl + row * X_COLUMNS + item % COLUMNS;
#if T_FLAT
#pragma unroll
  for (int r = 0; r < X_LOADS; ++r) {
    const int k = row + r * ROW_STEP;
    if (EVEN || k < T_K) {
      const int2 entry = table[t * T_K + k];
#pragma unroll
      for (int s = 0; s < SLOTS; ++s) {
        const int inside = tapInside(windows[s], entry.y & 31, entry.y >> 5);
        COPY_X(to + r * ROW_STEP * X_COLUMNS + s * ITEMS, x + (inside ? windows[s].base + entry.x : 0), inside);
      }
    }
  }
#else
  const Tile tile = tileAt(t);
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) {
    const int inside = tapInside(windows[s], tile.ky, tile.kx);
    __global const P_X* from = x + (inside ? windows[s].base + tile.offset + row * X_PLANE : 0);
#pragma unroll
    for (int r = 0; r < X_LOADS; ++r) {
      const int k = row + r * ROW_STEP;
      const int present = inside && (P_C % T_K == 0 || k < tile.channels);
      if (EVEN || k < T_K)
        COPY_X(to + r * ROW_STEP * X_COLUMNS + s * ITEMS, from + (P_C % T_K == 0 || present ? r * ROW_STEP * X_PLANE : 0),
               present);
    }
  }
#endif
}
#endif

// The sums of k tiles first..last-1.
static inline void accumulate(int first, int last, int rowTile, int pixelTile, __global const P_WEIGHTS* w,
                              __global const P_X* x, __global const int2* table, __local GEMM_T4* wl, __local GEMM_T4* xl,
                              int xBatch, GEMM_T acc[SUM_ROWS][SUM_COLUMNS]) {
  const int item = get_local_id(0);
  const int2 at = itemAt(item);
  Window windows[SLOTS];
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) windows[s] = windowOf(pixelTile * T_N + (item % COLUMNS + s * ITEMS) * T_VX, xBatch);
  w += rowTile * T_M;
#pragma unroll
  for (int i = 0; i < SUM_ROWS; ++i)
#pragma unroll
    for (int j = 0; j < SUM_COLUMNS; ++j) acc[i][j] = 0;

#if T_ASYNC < 2
  GEMM_T4 ws[W_LOADS];
  X_T xs[X_LOADS * SLOTS];
  loadTile(first, item, w, x, table, windows, ws, xs);
  storeTile(item, ws, xs, wl, (__local GEMM_T*)xl);
  barrier(CLK_LOCAL_MEM_FENCE);
  int stage = 0;
  for (int t = first; t < last; ++t) {
    if (t + 1 < last) loadTile(t + 1, item, w, x, table, windows, ws, xs);
    multiply(wl + stage * (T_K * W_PITCH), xl + stage * (T_K * X_PITCH), at, acc);
    stage ^= 1;
    if (t + 1 < last)
      storeTile(item, ws, xs, wl + stage * (T_K * W_PITCH), (__local GEMM_T*)(xl + stage * (T_K * X_PITCH)));
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#else
#pragma unroll
  for (int s = 0; s < STAGES - 1; ++s) {
    if (first + s < last)
      copyTile(first + s, item, w, x, table, windows, wl + s * (T_K * W_PITCH), (__local GEMM_T*)(xl + s * (T_K * X_PITCH)));
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  int stage = 0, ahead = STAGES - 1;
  for (int t = first; t < last; ++t) {
    asm volatile("cp.async.wait_group %0;" ::"n"(T_ASYNC - 2) : "memory");
    barrier(CLK_LOCAL_MEM_FENCE);
    if (t + STAGES - 1 < last)
      copyTile(t + STAGES - 1, item, w, x, table, windows, wl + ahead * (T_K * W_PITCH),
               (__local GEMM_T*)(xl + ahead * (T_K * X_PITCH)));
    asm volatile("cp.async.commit_group;" ::: "memory");
    multiply(wl + stage * (T_K * W_PITCH), xl + stage * (T_K * X_PITCH), at, acc);
    stage = stage + 1 == STAGES ? 0 : stage + 1;
    ahead = ahead + 1 == STAGES ? 0 : ahead + 1;
  }
#endif
}

// Local tiles, sums, and which tile of which group this work-group makes.
#define LOCAL_TILES                             \
  __local GEMM_T4 wl[STAGES * T_K * W_PITCH];    \
  __local GEMM_T4 xl[STAGES * T_K * X_PITCH];    \
  GEMM_T acc[SUM_ROWS][SUM_COLUMNS];             \
  const int tile = get_group_id(0), rowTiles = ROW_TILES * P_GROUPS; \
  const int pixelTile = tile / rowTiles, group = tile % rowTiles / ROW_TILES, rowTile = tile % ROW_TILES; \
  const int2 at = itemAt(get_local_id(0));      \
  w += group * (P_TILES * T_K * P_ROWS4);       \
  x += xOffset + group * (P_C * X_PLANE);
