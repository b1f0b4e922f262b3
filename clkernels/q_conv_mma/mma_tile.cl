// The inner product of q_conv_mma on NVIDIA's tensor cores: local tiles of T_K x T_M (channels) and T_K x T_N (pixels) words of
// four codes into registers, by mma.sync m16n8k32 (PTX ISA, "Matrix Fragments for mma.m16n8k32"): 16 pixels x 8 channels.
//
// A work-group has (T_M / T_WM) x (T_N / T_WN) warps of 32 items; a warp makes T_WM channels x T_WN pixels, 16 x 16 of them with
// two instructions. Words k % 8 < 4 and >= 4 of eight are the low and the high half of a fragment. Weights come with the
// channels of each sixteen reordered (q_conv_mma.cpp), so that an item gets four neighbouring channels:
//   sums[(g * (T_WN / 16) + i)][(t * 4 + h * 2 + l)]: channel g * 16 + lane % 4 * 4 + t * 2 + l, pixel i * 16 + h * 8 + lane / 4
#if !defined(T_M) || !defined(T_N) || !defined(T_K) || !defined(T_WM) || !defined(T_WN)
#error "mma_tile.cl needs T_M, T_N, T_K, T_WM and T_WN"
#endif
#define WARPS_M (T_M / T_WM)
#define ITEMS (WARPS_M * (T_N / T_WN) * 32)
// Eight words beyond whole lines of banks: the four rows that a warp reads at once lie in different banks.
#define W_PITCH (T_M / 4 + 2)
#define X_PITCH (T_N / 4 + 2)
#define SUM_ROWS (T_WM / 16 * (T_WN / 16))
#define SUM_COLUMNS 8

// First channel and first pixel of the item's warp in the work-group's tile.
static inline int2 itemAt(int item) {
  const int warp = item / 32;
  return (int2)(warp % WARPS_M * T_WM, warp / WARPS_M * T_WN);
}

static inline void mma(int* sums, const int* a, int b0, int b1) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

static inline void multiply(__local const int4* w, __local const int4* x, int2 at, int sums[SUM_ROWS][SUM_COLUMNS]) {
  const int lane = get_local_id(0) % 32;
  __local const int* channel = (__local const int*)w + lane % 4 * (W_PITCH * 4) + at.x + lane / 4;
  __local const int* pixel = (__local const int*)x + lane % 4 * (X_PITCH * 4) + at.y + lane / 4;
#pragma unroll
  for (int k = 0; k < T_K; k += 8, channel += 8 * W_PITCH * 4, pixel += 8 * X_PITCH * 4) {
    int b[T_WM / 16][4];
#pragma unroll
    for (int g = 0; g < T_WM / 16; ++g) {
      b[g][0] = channel[g * 16], b[g][1] = channel[g * 16 + 4 * W_PITCH * 4];
      b[g][2] = channel[g * 16 + 8], b[g][3] = channel[g * 16 + 8 + 4 * W_PITCH * 4];
    }
#pragma unroll
    for (int i = 0; i < T_WN / 16; ++i) {
      const int a[4] = {pixel[i * 16], pixel[i * 16 + 8], pixel[i * 16 + 4 * X_PITCH * 4], pixel[i * 16 + 8 + 4 * X_PITCH * 4]};
#pragma unroll
      for (int g = 0; g < T_WM / 16; ++g) {
        mma(sums[g * (T_WN / 16) + i], a, b[g][0], b[g][1]);
        mma(sums[g * (T_WN / 16) + i] + 4, a, b[g][2], b[g][3]);
      }
    }
  }
}
