// The inner product of tiled matrix kernels: local tiles of T_K x T_M (rows) and T_K x T_N (columns) into registers.
//
// A work-group of GM x GN items makes T_M rows x T_N columns; an item T_WM x T_WN of them in groups of four that lie GM * 4
// rows (GN * 4 columns) apart, so that local memory is read without conflicts.
// GEMM_T, GEMM_T4, GEMM_MAC(a, b, sum)  element type, four of it, and sum + a * b; defined by the including file
// W_PITCH, X_PITCH  GEMM_T4s between the rows of the left and the right tile in local memory; by the including file, too
#if !defined(T_M) || !defined(T_N) || !defined(T_K) || !defined(T_WM) || !defined(T_WN) || !defined(W_PITCH) || !defined(X_PITCH) || \
    !defined(GEMM_T) || !defined(GEMM_T4) || !defined(GEMM_MAC)
#error "a tiled matrix kernel needs T_M, T_N, T_K, T_WM, T_WN, W_PITCH, X_PITCH, GEMM_T, GEMM_T4 and GEMM_MAC"
#endif
#define GM (T_M / T_WM)
#define GN (T_N / T_WN)
#define ITEMS (GM * GN)
#define SUM_ROWS T_WM
#define SUM_COLUMNS T_WN

// This item's position in the work-group's tile: eight items along pixels by four along rows are neighbours, which keeps
// the reads of one warp or wave on few addresses.
static inline int2 itemAt(int item) {
#if (T_M / T_WM) % 4 == 0 && (T_N / T_WN) % 8 == 0
  const int lane = item % 32, patch = item / 32;
  return (int2)(patch / (GN / 8) * 4 + lane / 8, patch % (GN / 8) * 8 + lane % 8);
#else
  return (int2)(item / GN, item % GN);
#endif
}

static inline void multiply(__local const GEMM_T4* w, __local const GEMM_T4* x, int2 at, GEMM_T acc[T_WM][T_WN]) {
#pragma unroll
  for (int k = 0; k < T_K; ++k) {
    GEMM_T a[T_WM], b[T_WN];
#pragma unroll
    for (int g = 0; g < T_WM / 4; ++g) {
      const GEMM_T4 v = w[k * W_PITCH + g * GM + at.x];
      a[g * 4] = v.s0, a[g * 4 + 1] = v.s1, a[g * 4 + 2] = v.s2, a[g * 4 + 3] = v.s3;
    }
#pragma unroll
    for (int g = 0; g < T_WN / 4; ++g) {
      const GEMM_T4 v = x[k * X_PITCH + g * GN + at.y];
      b[g * 4] = v.s0, b[g * 4 + 1] = v.s1, b[g * 4 + 2] = v.s2, b[g * 4 + 3] = v.s3;
    }
#pragma unroll
    for (int i = 0; i < T_WM; ++i)
#pragma unroll
      for (int j = 0; j < T_WN; ++j) acc[i][j] = GEMM_MAC(a[i], b[j], acc[i][j]);
  }
}
