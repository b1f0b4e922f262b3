// The inner product of conv_mma: local tiles of T_M channels and T_N pixels, rows of T_K bytes, into registers (conv_mma/mma.cl).
//
// A work-group has (T_M / T_WM) x (T_N / T_WN) warps of 32 items; a warp makes T_WM channels x T_WN pixels, 16 x 16 of them with
// two instructions. Weights come with the channels of each sixteen reordered (packMmaWeights), so that an item gets four neighbours:
//   sums[(g * (T_WN / 16) + i)][(t * 4 + h * 2 + l)]: channel g * 16 + lane % 4 * 4 + t * 2 + l, pixel i * 16 + h * 8 + lane / 4
// Pieces of a row are permuted so that eight neighbouring rows at one piece, and four at two pieces of a block, lie in different
// banks: ldmatrix and the copies meet no conflict. Tiles begin at multiples of eight rows.
#if !defined(T_M) || !defined(T_N) || !defined(T_K) || !defined(T_WM) || !defined(T_WN)
#error "mma_tile.cl needs T_M, T_N, T_K, T_WM and T_WN"
#endif
#define PIECES (T_K / 16)
#define WARPS_M (T_M / T_WM)
#define ITEMS (WARPS_M * (T_N / T_WN) * 32)
#define SUM_ROWS (T_WM / 16 * (T_WN / 16))
#define SUM_COLUMNS 8
#if T_K == 128
#define PERMUTATION(row) (((row) & 3) << 1 | ((row) >> 2 & 1))
#elif T_K == 64
#define PERMUTATION(row) ((row) & 2 | ((row) >> 2 & 1))
#elif T_K == 32
#define PERMUTATION(row) ((row) >> 2 & 1)
#else
#error "T_K must be 32, 64 or 128 bytes"
#endif
#define PIECE_AT(row, piece) ((row) * PIECES + ((piece) ^ PERMUTATION(row)))

// First channel and first pixel of the item's warp in the work-group's tile.
static inline int2 itemAt(int item) {
  const int warp = item / 32;
  return (int2)(warp % WARPS_M * T_WM, warp / WARPS_M * T_WN);
}

#define STEPS (PIECES / 2)
// Adds the products of one step, two pieces of every row.
#if D_MMA
static inline void multiply(__local const PIECE* w, __local const PIECE* x, int2 at, int step,
                            GEMM_T sums[SUM_ROWS][SUM_COLUMNS]) {
  const int lane = get_local_id(0) % 32, row = lane % 8, high = lane / 16, low = lane / 8 % 2;
  // Matrices of weights: rows 0 to 7 at both pieces, then rows 8 to 15; of pixels: both halves of the rows, piece by piece.
  const uint channels = (uint)(size_t)w + (at.x + high * 8 + row) * T_K, pixels = (uint)(size_t)x + (at.y + low * 8 + row) * T_K;
  const uint piece = ((step * 2 + low) ^ PERMUTATION(row)) * 16, other = ((step * 2 + high) ^ PERMUTATION(row)) * 16;
  int b[T_WM / 16][4];
#pragma unroll
  for (int g = 0; g < T_WM / 16; ++g) loadFragments(channels + piece + g * 16 * T_K, b[g]);
#pragma unroll
  for (int i = 0; i < T_WN / 16; ++i) {
    int a[4];
    loadFragments(pixels + other + i * 16 * T_K, a);
#pragma unroll
    for (int g = 0; g < T_WM / 16; ++g) {
      mma(sums[g * (T_WN / 16) + i], a, b[g][0], b[g][1]);
      mma(sums[g * (T_WN / 16) + i] + 4, a, b[g][2], b[g][3]);
    }
  }
}
#else
static inline void multiply(__local const PIECE* w, __local const PIECE* x, int2 at, int step,
                            GEMM_T sums[SUM_ROWS][SUM_COLUMNS]) {
  const int lane = get_local_id(0) % 32;
  for (int part = 0; part < SUM_ROWS; ++part)
    for (int s = 0; s < SUM_COLUMNS; ++s) {
      const int channel = at.x + part / (T_WN / 16) * 16 + s / 4 * 8 + lane % 4 * 2 + s % 2;  // as packed
      const int pixel = at.y + part % (T_WN / 16) * 16 + s / 2 % 2 * 8 + lane / 4;
      for (int piece = step * 2; piece < step * 2 + 2; ++piece)
        sums[part][s] = addProducts(w + PIECE_AT(channel, piece), x + PIECE_AT(pixel, piece), sums[part][s]);
    }
}
#endif
