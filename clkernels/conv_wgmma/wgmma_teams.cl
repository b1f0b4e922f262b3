// What the teams of conv_wgmma and conv_pairs share: how many items there are, which taps are unrolled, and where sums lie. Wants COPIERS.
#define ROW_TILES ((P_ROWS + T_M - 1) / T_M)
#define ITEMS (128 * T_TEAMS)
#define ALL_ITEMS (ITEMS + 32 + COPIERS)
// All taps, or a row of the kernel.
#if TAPS <= 9
#define UNROLLED_TAPS TAPS
#else
#define UNROLLED_TAPS P_KW
#endif
// Sums as conv_mma/mma_output.cl takes them: a warp has T_M channels and 16 pixels of each of its sub-tiles.
#define SUM_ROWS (T_M / 16 * T_SUBS)
#define SUM_COLUMNS 8
#define T_WM T_M
#define T_WN (16 * T_SUBS)

#if !D_WGMMA
// The channel, as packed, and the position in the patch under a tap of an item's sum [part][s].
static inline int packedChannel(int part, int s, int item) { return part / T_SUBS * 16 + s / 4 * 8 + item % 4 * 2 + s % 2; }
static inline int emulatedPosition(int part, int s, int item, int tap) {
  const int row = item / 32 % 4 * 16 + s / 2 % 2 * 8 + item % 32 / 4, sub = item / 128 * T_SUBS + part % T_SUBS;
  return SUB_AT(sub) + row / 8 * EIGHT_STEP + row % 8 + TAP_AT(tap / P_KW, tap % P_KW);
}
#endif
