// Arithmetic of tile.cl in f32. Floats are read where they lie; halves are widened once, on the way to the patch.
#define DEPTH P_BLOCK
#define STEPS P_BLOCK
#define ELEMENT float
#define OUTSIDE 0.0f
#define WHOLE_BLOCKS 0
#define IN_PLACE PW_CAT(IN_PLACE_, P_X)
#define IN_PLACE_float 1
#define IN_PLACE_half 0
#define SUMS_IN_Y IN_PLACE
#define MULTIPLY_ADD(value, weights, sums) fma(value, weights, sums)
#define WEIGHTS16(taps, i) LOAD(P_WEIGHTS, 16, taps, (i) * 16)

#define TAPS_OPERANDS __global const P_WEIGHTS* w
#define TAPS {w}
typedef struct {
  __global const P_WEIGHTS* w;
} Taps;
static inline Taps tapsFrom(Taps taps, long weights, long corrections) {
  taps.w += weights;
  return taps;
}

static inline SUMS firstSums(const Taps taps, const Window v, int ky0, int ky1, int kx0, int kx1, int j) { return 0.0f; }

static inline void copyPixels(__global const P_X* row, PATCH float* to, int first, int end, int plane, int channels) {
  int i = first;
#if P_BLOCK == 16
  for (; i < end; ++i) vstore16(LOAD(P_X, 16, row, i * 16), i, to);
#else
  for (; i + 16 <= end; i += 16) vstore16(LOAD(P_X, 16, row, i), 0, to + i);
  for (; i < end; ++i) to[i] = LOAD(P_X, 1, row, i);
#endif
}
