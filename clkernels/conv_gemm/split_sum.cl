// Sums over a split k, added by the work-group of a tile that finishes last (T_SPLIT > 1, T_SUM 1): one kernel instead of two.
// Every group leaves its part in `partial` and counts itself in; the last one reads all parts in order, so that the result does
// not depend on which group that is, and goes on to the epilogue. It leaves the counter at zero for the next run.
//   partial[((tile * T_SPLIT + part) * SUM_VECTORS + vector) * ITEMS + item]  four of an item's sums, SUM_COLUMNS innermost
//   counters[tile]  parts that are done, zero before and after; tile = get_group_id(0), part = get_group_id(1)
// OpenCL 1.2 orders nothing between work-groups. D_FENCE says what does on this device: 1 NVIDIA, a barrier of memory in PTX;
// 0 mem_fence, which is enough where atomics order all accesses (PoCL on x86). Volatile accesses pass by a unit's own cache.
// Include after common/gemm_tile.cl or conv_mma/mma_tile.cl.
#if !defined(T_SUM) || !defined(T_SPLIT) || !defined(GEMM_T) || !defined(GEMM_T4) || !defined(SUM_ROWS) || !defined(SUM_COLUMNS) || \
    !defined(ITEMS)
#error "split sums need T_SUM, T_SPLIT, GEMM_T, GEMM_T4, SUM_ROWS, SUM_COLUMNS and ITEMS"
#endif

#if T_SPLIT > 1 && T_SUM
#ifndef D_FENCE
#error "adding parts within a kernel needs D_FENCE"
#endif
#if D_FENCE
#define DEVICE_FENCE() asm volatile("membar.gl;" ::: "memory")
#else
#define DEVICE_FENCE() mem_fence(CLK_GLOBAL_MEM_FENCE)
#endif
#define SUM_VECTORS (SUM_ROWS * SUM_COLUMNS / 4)

// Counts this group in once its part is written; whether it is the last one of its tile, which may read all parts.
static inline int isLast(volatile __global int* counters, __local int* before) {
  const int item = get_local_id(0), tile = get_group_id(0);
  DEVICE_FENCE();
  barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
  if (item == 0) *before = atomic_inc(counters + tile);
  barrier(CLK_LOCAL_MEM_FENCE);
  if (*before != T_SPLIT - 1) return 0;
  if (item == 0) counters[tile] = 0;
  DEVICE_FENCE();
  return 1;
}

// The last group of a tile gets the whole sums and 1, the others 0.
static inline int addParts(GEMM_T acc[SUM_ROWS][SUM_COLUMNS], __global GEMM_T* partial, volatile __global int* counters,
                           __local int* before) {
  const int item = get_local_id(0), tile = get_group_id(0), part = get_group_id(1);
  volatile __global GEMM_T4* parts = (volatile __global GEMM_T4*)partial + (tile * T_SPLIT * SUM_VECTORS * ITEMS + item);
#pragma unroll
  for (int v = 0; v < SUM_VECTORS; ++v) {
    const GEMM_T* sums = &acc[v / (SUM_COLUMNS / 4)][v % (SUM_COLUMNS / 4) * 4];
    parts[(part * SUM_VECTORS + v) * ITEMS] = (GEMM_T4)(sums[0], sums[1], sums[2], sums[3]);
  }
  if (!isLast(counters, before)) return 0;
#pragma unroll
  for (int v = 0; v < SUM_VECTORS; ++v) {
    GEMM_T4 sum = parts[v * ITEMS];
#pragma unroll 8
    for (int p = 1; p < T_SPLIT; ++p) sum += parts[(p * SUM_VECTORS + v) * ITEMS];
    GEMM_T* sums = &acc[v / (SUM_COLUMNS / 4)][v % (SUM_COLUMNS / 4) * 4];
    sums[0] = sum.s0, sums[1] = sum.s1, sums[2] = sum.s2, sums[3] = sum.s3;
  }
  return 1;
}

#define SPLIT_ARGUMENTS , __global GEMM_T *partial, volatile __global int *counters
// The tiles in local memory are used up: their first word passes the count around.
#define ADD_PARTS \
  if (!addParts(acc, partial, counters, (__local int*)wl)) return;
#else
#define SPLIT_ARGUMENTS
#define ADD_PARTS
#endif

// The tiles of k that this work-group sums.
#if T_SPLIT > 1
#define FIRST_TILE ((int)get_group_id(1) * P_TILES / T_SPLIT)
#define LAST_TILE (((int)get_group_id(1) + 1) * P_TILES / T_SPLIT)
#else
#define FIRST_TILE 0
#define LAST_TILE P_TILES
#endif
