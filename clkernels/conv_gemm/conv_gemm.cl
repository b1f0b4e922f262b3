// conv_gemm: convolution as a matrix product that gathers its right operand on the fly (implicit GEMM).
//
//   out[row, pixel] = sum over k of weights[k, row] * x[k, pixel]
//   row    output channel of one group (deconvolution: channel and output phase, see P_UY)
//   pixel  (n * P_QH + qy) * P_QW + qx, the batch's output positions flattened
//   k      input channel c and tap (ky, kx); x[k, pixel] = x(n, c, qy * P_SY - P_PY + ky * P_DY, qx * P_SX - P_PX + kx * P_DX),
//          zero outside. T_FLAT 0: tiles of T_K channels at one tap, taps innermost: k = (c / T_K * taps + tap) * T_K + c % T_K,
//          channels rounded up to T_K. T_FLAT 1: k = c * taps + tap, rounded up to T_K; `table[k]` holds (offset in x, ky | kx << 5).
// Layouts: x, y and the residual planar N C H W, with offsets and batch strides as arguments, in elements.
//   weights[(group * P_TILES * T_K + k) * P_ROWS4 + row], rows beyond P_ROWS and k beyond the sum zero.
//   partial[(split * P_GROUPS * P_ROWS + group * P_ROWS + row) * P_PIXELS4 + pixel], sums of T_SPLIT > 1 parts of k.
// P_UY, P_UX: row = (c * P_UY + py) * P_UX + px goes to channel c at (qy * P_UY + py - P_OY, qx * P_UX + px - P_OX); P_UY = P_UX = 1,
//   P_OY = P_OX = 0 is the plain convolution.
// P_STORE: 0 single elements, 1 vectors of four pixels (all strides multiples of 4), 2 vectors of four rows (P_UX a multiple of 4).
//
// A work-group makes T_M rows x T_N pixels (common/gemm_tile.cl). Tiles of k pass through local memory: T_ASYNC 0 through
// registers, two tiles; T_ASYNC >= 2 that many tiles with NVIDIA's asynchronous copies.
// Tunables: T_M, T_N, T_K, T_WM, T_WN, T_VX (pixels per load of x; 4 only where taps never straddle), T_FLAT, T_SPLIT, T_ASYNC.
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/storage.cl"

#if !defined(T_VX) || !defined(T_FLAT) || !defined(T_SPLIT) || !defined(T_ASYNC) || !defined(P_STORE)
#error "conv_gemm needs all its T_ macros and P_STORE"
#endif
#define W_PITCH (T_M / 4)
#include "common/gemm_tile.cl"
#include "common/window.cl"

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

#if T_VX == 4
#define X_T float4
#define X_ZERO (float4)(0.0f)
#define LOAD_X(p, i) LOAD4(P_X, p, i)
#else
#define X_T float
#define X_ZERO 0.0f
#define LOAD_X(p, i) LOAD1(P_X, p, i)
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
static inline void loadTile(int t, int item, __global const float* w, __global const P_X* x, __global const int2* table,
                            const Window* windows, float4* ws, X_T* xs) {
  const int row = FIRST_ROW(item);
#pragma unroll
  for (int i = 0; i < W_LOADS; ++i) {
    const int v = item + i * ITEMS;
    if (W_VECTORS % ITEMS == 0 || v < W_VECTORS)
      ws[i] = LOAD4(float, w, (t * T_K + v / (T_M / 4)) * P_ROWS4 + v % (T_M / 4) * 4);
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

static inline void storeTile(int item, const float4* ws, const X_T* xs, __local float4* wl, __local float* xl) {
  const int row = FIRST_ROW(item);
#pragma unroll
  for (int i = 0; i < W_LOADS; ++i) {
    const int v = item + i * ITEMS;
    if (W_VECTORS % ITEMS == 0 || v < W_VECTORS) wl[v] = ws[i];
  }
#pragma unroll
  for (int r = 0; r < X_LOADS; ++r) {
    const int k = row + r * ROW_STEP;
    if (EVEN || k < T_K) {
#pragma unroll
      for (int s = 0; s < SLOTS; ++s)
        ((__local X_T*)xl)[k * COLUMNS + item % COLUMNS + s * ITEMS] = xs[r * SLOTS + s];
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

static inline void copyTile(int t, int item, __global const float* w, __global const P_X* x, __global const int2* table,
                            const Window* windows, __local float4* wl, __local float* xl) {
  const int row = FIRST_ROW(item);
#pragma unroll
  for (int i = 0; i < W_LOADS; ++i) {
    const int v = item + i * ITEMS;
    if (W_VECTORS % ITEMS == 0 || v < W_VECTORS)
      copyAsync16(wl + v, w + ((t * T_K + v / (T_M / 4)) * P_ROWS4 + v % (T_M / 4) * 4), 1);
  }
  __local X_T* to = (__local X_T*)xl + row * COLUMNS + item % COLUMNS;
#if T_FLAT
#pragma unroll
  for (int r = 0; r < X_LOADS; ++r) {
    const int k = row + r * ROW_STEP;
    if (EVEN || k < T_K) {
      const int2 entry = table[t * T_K + k];
#pragma unroll
      for (int s = 0; s < SLOTS; ++s) {
        const int inside = tapInside(windows[s], entry.y & 31, entry.y >> 5);
        COPY_X(to + r * ROW_STEP * COLUMNS + s * ITEMS, x + (inside ? windows[s].base + entry.x : 0), inside);
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
        COPY_X(to + r * ROW_STEP * COLUMNS + s * ITEMS, from + (P_C % T_K == 0 || present ? r * ROW_STEP * X_PLANE : 0),
               present);
    }
  }
#endif
}
#endif

// The sums of k tiles first..last-1.
static inline void accumulate(int first, int last, int rowTile, int pixelTile, __global const float* w,
                              __global const P_X* x, __global const int2* table, __local float4* wl, __local float4* xl,
                              int xBatch, float acc[T_WM][T_WN]) {
  const int item = get_local_id(0);
  const int2 at = itemAt(item);
  Window windows[SLOTS];
#pragma unroll
  for (int s = 0; s < SLOTS; ++s) windows[s] = windowOf(pixelTile * T_N + (item % COLUMNS + s * ITEMS) * T_VX, xBatch);
  w += rowTile * T_M;
#pragma unroll
  for (int i = 0; i < T_WM; ++i)
#pragma unroll
    for (int j = 0; j < T_WN; ++j) acc[i][j] = 0.0f;

#if T_ASYNC < 2
  float4 ws[W_LOADS];
  X_T xs[X_LOADS * SLOTS];
  loadTile(first, item, w, x, table, windows, ws, xs);
  storeTile(item, ws, xs, wl, (__local float*)xl);
  barrier(CLK_LOCAL_MEM_FENCE);
  int stage = 0;
  for (int t = first; t < last; ++t) {
    if (t + 1 < last) loadTile(t + 1, item, w, x, table, windows, ws, xs);
    multiply(wl + stage * (T_K * T_M / 4), xl + stage * (T_K * T_N / 4), at, acc);
    stage ^= 1;
    if (t + 1 < last)
      storeTile(item, ws, xs, wl + stage * (T_K * T_M / 4), (__local float*)(xl + stage * (T_K * T_N / 4)));
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#else
#pragma unroll
  for (int s = 0; s < STAGES - 1; ++s) {
    if (first + s < last)
      copyTile(first + s, item, w, x, table, windows, wl + s * (T_K * T_M / 4), (__local float*)(xl + s * (T_K * T_N / 4)));
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  int stage = 0, ahead = STAGES - 1;
  for (int t = first; t < last; ++t) {
    asm volatile("cp.async.wait_group %0;" ::"n"(T_ASYNC - 2) : "memory");
    barrier(CLK_LOCAL_MEM_FENCE);
    if (t + STAGES - 1 < last)
      copyTile(t + STAGES - 1, item, w, x, table, windows, wl + ahead * (T_K * T_M / 4),
               (__local float*)(xl + ahead * (T_K * T_N / 4)));
    asm volatile("cp.async.commit_group;" ::: "memory");
    multiply(wl + stage * (T_K * T_M / 4), xl + stage * (T_K * T_N / 4), at, acc);
    stage = stage + 1 == STAGES ? 0 : stage + 1;
    ahead = ahead + 1 == STAGES ? 0 : ahead + 1;
  }
#endif
}

static inline float channelSlope(Output out, int c) {
#if P_SLOPE == 2
  return out.slope[c];
#elif P_SLOPE == 1
  return out.slope[0];
#else
  return 0.0f;
#endif
}

// Epilogue and store of four pixels of a row.
static inline void storePixels(float4 value, int row, int pixel, Output out) {
  const int c = channelOf(row);
  const float bias = P_HAS_BIAS ? out.bias[c] : 0.0f, slope = channelSlope(out, c);
#if P_STORE == 1
  const int n = pixel / Q_PLANE, i = row * Q_PLANE + pixel - n * Q_PLANE;
  if (pixel >= P_PIXELS) return;
  const float4 residual = P_HAS_RESIDUAL ? LOAD4(P_R, out.residual, out.rOffset + n * out.rBatch + i) : (float4)(0.0f);
  STORE4(P_Y, epilogue(value, (float4)(bias), residual, (float4)(slope)), out.y, out.yOffset + n * out.yBatch + i);
#else
  float lanes[4], residual[4];
  int to[4];
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const int n = (pixel + l) / Q_PLANE, i = indexOf(row, pixel + l - n * Q_PLANE);
    const int inside = pixel + l < P_PIXELS && i >= 0;
    to[l] = inside ? out.yOffset + n * out.yBatch + i : -1;
    residual[l] = P_HAS_RESIDUAL && inside ? LOAD1(P_R, out.residual, out.rOffset + n * out.rBatch + i) : 0.0f;
  }
  const float4 result =
      epilogue(value, (float4)(bias), (float4)(residual[0], residual[1], residual[2], residual[3]), (float4)(slope));
  lanes[0] = result.s0, lanes[1] = result.s1, lanes[2] = result.s2, lanes[3] = result.s3;
#pragma unroll
  for (int l = 0; l < 4; ++l)
    if (to[l] >= 0) STORE1(P_Y, lanes[l], out.y, to[l]);
#endif
}

// Epilogue and store of four rows at a pixel: four neighbours in x of one output channel (P_UX a multiple of 4).
static inline void storeRows(float4 value, int row, int pixel, Output out) {
  const int n = pixel / Q_PLANE, i = indexOf(row, pixel - n * Q_PLANE), c = channelOf(row);
  if (pixel >= P_PIXELS || i < 0) return;
  const float4 residual = P_HAS_RESIDUAL ? LOAD4(P_R, out.residual, out.rOffset + n * out.rBatch + i) : (float4)(0.0f);
  const float4 bias = (float4)(P_HAS_BIAS ? out.bias[c] : 0.0f), slope = (float4)(channelSlope(out, c));
  STORE4(P_Y, epilogue(value, bias, residual, slope), out.y, out.yOffset + n * out.yBatch + i);
}

#define LOCAL_TILES                             \
  __local float4 wl[STAGES * T_K * T_M / 4];    \
  __local float4 xl[STAGES * T_K * T_N / 4];    \
  float acc[T_WM][T_WN];                        \
  const int tile = get_group_id(0), rowTiles = ROW_TILES * P_GROUPS; \
  const int pixelTile = tile / rowTiles, group = tile % rowTiles / ROW_TILES, rowTile = tile % ROW_TILES; \
  const int2 at = itemAt(get_local_id(0));      \
  w += group * (P_TILES * T_K * P_ROWS4);       \
  x += xOffset + group * (P_C * X_PLANE);

#if T_SPLIT == 1
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void conv_gemm(
    __global const P_X* restrict x, __global const float* restrict w, __global const int2* restrict table,
    __global const float* restrict bias, __global const P_R* restrict residual, __global const float* restrict slope,
    __global P_Y* restrict y, int xOffset, int xBatch, int yOffset, int yBatch,
    int rOffset, int rBatch) {
  LOCAL_TILES
  accumulate(0, P_TILES, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
  const Output out = {bias, slope, residual, y, yOffset, yBatch, rOffset, rBatch};
#pragma unroll
  for (int i = 0; i < T_WM; i += 4) {
#pragma unroll
    for (int j = 0; j < T_WN; j += 4) {
      const int row = rowTile * T_M + i * GM + at.x * 4, pixel = pixelTile * T_N + j * GN + at.y * 4;
#if P_STORE == 2
#pragma unroll
      for (int l = 0; l < 4; ++l)
        if (row < P_ROWS)
          storeRows((float4)(acc[i][j + l], acc[i + 1][j + l], acc[i + 2][j + l], acc[i + 3][j + l]), group * P_ROWS + row,
                    pixel + l, out);
#else
#pragma unroll
      for (int l = 0; l < 4; ++l)
        if (row + l < P_ROWS)
          storePixels((float4)(acc[i + l][j], acc[i + l][j + 1], acc[i + l][j + 2], acc[i + l][j + 3]),
                      group * P_ROWS + row + l, pixel, out);
#endif
    }
  }
}

#else
// One part of k, without the epilogue, into `partial`.
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void conv_gemm_part(
    __global const P_X* restrict x, __global const float* restrict w, __global const int2* restrict table,
    __global float4* restrict partial, int xOffset, int xBatch) {
  LOCAL_TILES
  const int split = get_group_id(1);
  accumulate(split * P_TILES / T_SPLIT, (split + 1) * P_TILES / T_SPLIT, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
#pragma unroll
  for (int i = 0; i < T_WM; ++i) {
#pragma unroll
    for (int j = 0; j < T_WN; j += 4) {
      const int row = rowTile * T_M + i / 4 * 4 * GM + at.x * 4 + i % 4, pixel = pixelTile * T_N + j * GN + at.y * 4;
      if (row < P_ROWS && pixel < P_PIXELS)
        partial[((split * P_GROUPS + group) * P_ROWS + row) * (P_PIXELS4 / 4) + pixel / 4] =
            (float4)(acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]);
    }
  }
}

// Adds the parts in order, then the epilogue. One item per four pixels of a row.
__kernel void conv_gemm_sum(__global const float4* restrict partial, __global const float* restrict bias,
                            __global const P_R* restrict residual, __global const float* restrict slope,
                            __global P_Y* restrict y, int yOffset, int yBatch, int rOffset, int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_GROUPS * P_ROWS * (P_PIXELS4 / 4)) return;
  float4 sum = partial[i];
#pragma unroll
  for (int split = 1; split < T_SPLIT; ++split) sum += partial[split * (P_GROUPS * P_ROWS * (P_PIXELS4 / 4)) + i];
  const Output out = {bias, slope, residual, y, yOffset, yBatch, rOffset, rBatch};
  storePixels(sum, i / (P_PIXELS4 / 4), i % (P_PIXELS4 / 4) * 4, out);
}
#endif
