// matmul_gemm: matrix products (MatMul; FullyConnected with many items), tiled through local memory.
//
//   y[item, m, n] = sum over k of a[item, m, k] * b[item, k, n], then the epilogue with n as channel
// Layouts: a[aOffset + items[item].x + m * aRow + k], b[items[item].y + k * P_N + n], y[yOffset + (item * P_M + m) * yRow + n],
//   the residual as y with its own offset and row stride; items has one entry per product (broadcast operands repeat).
// A work-group makes T_M x T_N of one product (common/gemm_tile.cl); two tiles of T_K take turns in local memory, that of a
// transposed on the way and padded so that its columns fall on different banks.
// Tunables: T_M, T_N, T_K, T_WM, T_WN; T_VA, T_VB 4 where rows of a, of b and y are aligned to four elements, else 1.
#define PW_WIDTH 4
#include "common/activation.cl"
#include "common/operand.cl"
#if !defined(T_VA) || !defined(T_VB) || !defined(P_M) || !defined(P_N) || !defined(P_K) || !defined(P_A) || !defined(P_B) || \
    !defined(P_Y) || !defined(P_R)
#error "matmul_gemm needs all its T_ and P_ macros"
#endif
#define W_PITCH (T_M / 4 + 1)
#define X_PITCH (T_N / 4)
#define GEMM_T float
#define GEMM_T4 float4
#define GEMM_MAC(a, b, sum) fma(a, b, sum)
#include "common/gemm_tile.cl"

#define K_TILES ((P_K + T_K - 1) / T_K)
#define A_UNITS (T_M * T_K / T_VA)
#define B_UNITS (T_N * T_K / T_VB)
#define A_LOADS ((A_UNITS + ITEMS - 1) / ITEMS)
#define B_LOADS ((B_UNITS + ITEMS - 1) / ITEMS)
#define A_ROW (T_K / T_VA)
#define B_ROW (T_N / T_VB)
#if T_VA == 4
#define A_T float4
#define LOAD_A(p, i) LOAD_ALIGNED(P_A, 4, p, i)
#else
#define A_T float
#define LOAD_A(p, i) LOAD(P_A, 1, p, i)
#endif
#if T_VB == 4
#define B_T float4
#define LOAD_B(p, i) LOAD_ALIGNED(P_B, 4, p, i)
#else
#define B_T float
#define LOAD_B(p, i) LOAD(P_B, 1, p, i)
#endif

static inline void loadTiles(int t, int m0, int n0, int item, __global const P_A* a, int aRow, __global const P_B* b,
                             A_T* as, B_T* bs) {
#pragma unroll
  for (int i = 0; i < A_LOADS; ++i) {
    const int u = item + i * ITEMS, m = m0 + u / A_ROW, k = t * T_K + u % A_ROW * T_VA;
    const int inside = (A_UNITS % ITEMS == 0 || u < A_UNITS) && m < P_M && (P_K % T_K == 0 || k < P_K);
    as[i] = inside ? LOAD_A(a, m * aRow + k) : (A_T)(0.0f);
  }
#pragma unroll
  for (int i = 0; i < B_LOADS; ++i) {
    const int u = item + i * ITEMS, n = n0 + u % B_ROW * T_VB, k = t * T_K + u / B_ROW;
    const int inside = (B_UNITS % ITEMS == 0 || u < B_UNITS) && n < P_N && (P_K % T_K == 0 || k < P_K);
    bs[i] = inside ? LOAD_B(b, k * P_N + n) : (B_T)(0.0f);
  }
}

static inline void storeTiles(int item, const A_T* as, const B_T* bs, __local float* al, __local B_T* bl) {
#pragma unroll
  for (int i = 0; i < A_LOADS; ++i) {
    const int u = item + i * ITEMS;
    if (A_UNITS % ITEMS == 0 || u < A_UNITS) {
      __local float* to = al + u % A_ROW * T_VA * (W_PITCH * 4) + u / A_ROW;
#if T_VA == 4
      to[0] = as[i].s0, to[W_PITCH * 4] = as[i].s1, to[W_PITCH * 8] = as[i].s2, to[W_PITCH * 12] = as[i].s3;
#else
      to[0] = as[i];
#endif
    }
  }
#pragma unroll
  for (int i = 0; i < B_LOADS; ++i) {
    const int u = item + i * ITEMS;
    if (B_UNITS % ITEMS == 0 || u < B_UNITS) bl[u] = bs[i];
  }
}

__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void matmul_gemm(
    __global const P_A* restrict a, __global const P_B* restrict b, __global const int2* restrict items,
    __global const float* restrict bias, __global const P_R* restrict residual, __global const float* restrict slope,
    __global P_Y* restrict y, int aOffset, int aRow, int yOffset, int yRow, int rOffset, int rRow) {
  __local float4 al[2 * T_K * W_PITCH], bl[2 * T_K * T_N / 4];
  const int item = get_local_id(0), product = get_group_id(1), tile = get_group_id(0);
  const int m0 = tile % ((P_M + T_M - 1) / T_M) * T_M, n0 = tile / ((P_M + T_M - 1) / T_M) * T_N;
  const int2 at = itemAt(item);
  a += aOffset + items[product].x;
  b += items[product].y;

  float acc[T_WM][T_WN];
#pragma unroll
  for (int i = 0; i < T_WM; ++i)
#pragma unroll
    for (int j = 0; j < T_WN; ++j) acc[i][j] = 0.0f;
  A_T as[A_LOADS];
  B_T bs[B_LOADS];
  loadTiles(0, m0, n0, item, a, aRow, b, as, bs);
  storeTiles(item, as, bs, (__local float*)al, (__local B_T*)bl);
  barrier(CLK_LOCAL_MEM_FENCE);
  int stage = 0;
  for (int t = 0; t < K_TILES; ++t) {
    if (t + 1 < K_TILES) loadTiles(t + 1, m0, n0, item, a, aRow, b, as, bs);
    multiply(al + stage * (T_K * W_PITCH), bl + stage * (T_K * T_N / 4), at, acc);
    stage ^= 1;
    if (t + 1 < K_TILES)
      storeTiles(item, as, bs, (__local float*)(al + stage * (T_K * W_PITCH)), (__local B_T*)(bl + stage * (T_K * T_N / 4)));
    barrier(CLK_LOCAL_MEM_FENCE);
  }

#pragma unroll
  for (int j = 0; j < T_WN; j += 4) {
    const int n = n0 + j * GN + at.y * 4;
    float biases[4], slopes[4];
#pragma unroll
    for (int l = 0; l < 4; ++l) {
      biases[l] = P_HAS_BIAS && n + l < P_N ? bias[n + l] : 0.0f;
      slopes[l] = P_SLOPE == 1 ? slope[0] : P_SLOPE == 2 && n + l < P_N ? slope[n + l] : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < T_WM; ++i) {
      const int m = m0 + i / 4 * 4 * GM + at.x * 4 + i % 4, row = product * P_M + m;
      if (m < P_M && n < P_N) {
        float4 added = (float4)(0.0f);
        const float4 value = (float4)(acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]);
#if T_VB == 4
        if (P_HAS_RESIDUAL) added = LOAD_ALIGNED(P_R, 4, residual, rOffset + row * rRow + n);
#else
        float lanes[4];
#pragma unroll
        for (int l = 0; l < 4; ++l)
          lanes[l] = P_HAS_RESIDUAL && n + l < P_N ? LOAD(P_R, 1, residual, rOffset + row * rRow + n + l) : 0.0f;
        added = (float4)(lanes[0], lanes[1], lanes[2], lanes[3]);
#endif
        const float4 result = epilogue(value, (float4)(biases[0], biases[1], biases[2], biases[3]), added,
                                       (float4)(slopes[0], slopes[1], slopes[2], slopes[3]));
#if T_VB == 4
        STORE_ALIGNED(P_Y, 4, result, y, yOffset + row * yRow + n);
#else
        lanes[0] = result.s0, lanes[1] = result.s1, lanes[2] = result.s2, lanes[3] = result.s3;
#pragma unroll
        for (int l = 0; l < 4; ++l)
          if (n + l < P_N) STORE(P_Y, 1, lanes[l], y, yOffset + row * yRow + n + l);
#endif
      }
    }
  }
}
