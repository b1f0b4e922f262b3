// What conv_mma does with an item's sums: epilogue and stores, four channels of a pixel at a time.
//
// ROW_AT, PIXEL_AT  row and pixel of an item's g-th quad and n-th pixel, from the first of its warp's; here as in conv_mma/mma_tile.cl
#ifndef ROW_AT
#define ROW_AT(row, lane, g) ((row) + (lane) % 4 * 4 + (g) * 16)
#define PIXEL_AT(pixel, lane, n) ((pixel) + (lane) / 4 + (n) * 8)
#endif

#if !P_HALF && P_ZEROS
#define RATE_OF(channels) vload2(0, channels)
#define SCALE_OF(channels) vload2(1, channels)
#else
#define RATE_OF(channels) (channels)[0]
#define SCALE_OF(channels) (channels)[2]
#endif

// Constants of four channels.
typedef struct {
  float4 multiplier, bias, slope;
} Channels;
#define PADDED ((P_CHANNELS + 15) / 16 * 16)
static inline Channels channelsAt(__global const float* channels, int c) {
  __global const float4* rows = (__global const float4*)(channels + 4);
  Channels four;
#if P_HALF && !P_PAIRS
  const int bias = 0;
  four.multiplier = (float4)(1.0f);
#else
  const int bias = PADDED / 4;
  four.multiplier = rows[c / 4];
#endif
  four.bias = P_HAS_BIAS ? rows[bias + c / 4] : (float4)(0.0f);
#if P_SLOPE == 2
  four.slope = rows[bias + PADDED / 4 + c / 4];
#elif P_SLOPE == 1
  four.slope = (float4)(rows[bias + PADDED / 4].s0);
#else
  four.slope = (float4)(0.0f);
#endif
  return four;
}

// Index of the first of four channels at a place.
#define INDEX(block, offset, batch, place) \
  ((offset) + (place).n * (batch) + ((place).channel / (block) * O_PLANE + (place).position) * (block) + (place).channel % (block))

// A kernel that defines EARLY_QUADS has residuals of codes asked for before the sums begin, where an item's are so few quads at most:
// small sums would wait for them.
#ifndef EARLY_QUADS
#define EARLY_QUADS 0
#endif
#define QUADS (T_WM / 16 * (T_WN / 8))
#define IS_EARLY (!P_HALF && P_HAS_RESIDUAL && P_RBLOCK > 1 && T_SPLIT == 1 && QUADS <= EARLY_QUADS)
#if IS_EARLY && P_RESIDUAL_CODED
#define RESIDUALS char4 residual[T_WM / 16][T_WN / 8]
#define RESIDUAL_OF(g, n, place, scale) decode(residual[g][n], scale)
static inline void askForResiduals(int groupRow, int row, int pixel, __global const P_R* residual, char4 early[T_WM / 16][T_WN / 8]) {
  const int lane = get_local_id(0) % 32;
#pragma unroll
  for (int g = 0; g < T_WM / 16; ++g)
#pragma unroll
    for (int n = 0; n < T_WN / 8; ++n) {
      const int at = ROW_AT(row, lane, g);
      const Place place = placeOf((groupRow + at) / 4, PIXEL_AT(pixel, lane, n));
      early[g][n] = (char4)(0);
      if (at < P_ROWS && place.position >= 0)
        early[g][n] = *(__global const char4*)(residual + INDEX(P_RBLOCK, P_ROFFSET, P_RBATCH, place));
    }
}
#else
#undef IS_EARLY
#define IS_EARLY 0
#define RESIDUALS __global const P_R* residual
#define RESIDUAL_OF(g, n, place, scale) residualAt(place, residual, scale)
#endif

static inline float4 residualAt(Place place, __global const P_R* residual, CODE_SCALE scale) {
#if P_HAS_RESIDUAL
  if (place.position < 0) return (float4)(0.0f);
  const int i = INDEX(P_RBLOCK, P_ROFFSET, P_RBATCH, place);
#if !P_HALF && P_RESIDUAL_CODED
  return decode(*(__global const char4*)(residual + i), scale);
#elif P_RBLOCK > 1
  return LOAD_ALIGNED(P_R, 4, residual, i);
#else
  float v[4];
#pragma unroll
  for (int l = 0; l < 4; ++l) v[l] = place.channel + l < P_CHANNELS ? LOAD(P_R, 1, residual, i + l * O_PLANE) : 0.0f;
  return (float4)(v[0], v[1], v[2], v[3]);
#endif
#else
  return (float4)(0.0f);
#endif
}

static inline void storeFour(float4 value, Place place, __global P_Y* y, RATE rate) {
  const int i = INDEX(P_YBLOCK, P_YOFFSET, P_YBATCH, place);
#if !P_HALF && P_CODED
  *(__global char4*)(y + i) = encode(value, rate);
#elif P_YBLOCK > 1
  STORE_ALIGNED(P_Y, 4, value, y, i);
#else
  const float v[4] = {value.s0, value.s1, value.s2, value.s3};
#pragma unroll
  for (int l = 0; l < 4; ++l)
    if (place.channel + l < P_CHANNELS) STORE(P_Y, 1, v[l], y, i + l * O_PLANE);
#endif
}

// Four channels of a pixel: of sixteen channels g the item's own four, its n-th pixel, eight apart.
static inline GEMM_T4 quadOf(GEMM_T sums[SUM_ROWS][SUM_COLUMNS], int g, int n) {
  const GEMM_T* s = sums[g * (T_WN / 16) + n / 2] + n % 2 * 2;
  return (GEMM_T4)(s[0], s[1], s[4], s[5]);
}

// A quad's value; place.position is not -1.
static inline float4 finished(GEMM_T4 sum, Channels four, Place place, float4 residual, __global const int* zeroTerms, RATE rate) {
#if P_HALF
  float4 value = epilogue(P_PAIRS ? sum * four.multiplier : sum, four.bias, residual, four.slope);
#else
  float4 value = quantisedEpilogue(CORRECTED(sum, zeroTerms, place.position, place.channel), four.multiplier, four.bias,
                                   residual, four.slope);
#endif
#if P_CHANNELS % 16 && P_HALF
  value = maskLanes(value, P_CHANNELS - place.channel);
#elif P_CHANNELS % 16
  value = padLanes(value, P_CHANNELS - place.channel, rate);
#endif
  return value;
}
static inline void storeQuad(GEMM_T4 sum, Channels four, Place place, float4 residual, __global const int* zeroTerms,
                             __global P_Y* y, RATE rate) {
  if (place.position >= 0) storeFour(finished(sum, four, place, residual, zeroTerms, rate), place, y, rate);
}

#if T_SPLIT > 1
// Parts lie in quads, so that the last group adds and stores one after the other: few registers.
//   partial[((tile * T_SPLIT + part) * QUADS + quad) * ITEMS + item]
static inline volatile __global GEMM_T4* partsOf(__global GEMM_T* partial) {
  return (volatile __global GEMM_T4*)partial + ((int)get_group_id(0) * T_SPLIT * QUADS * ITEMS + (int)get_local_id(0));
}
static inline void leavePart(GEMM_T sums[SUM_ROWS][SUM_COLUMNS], __global GEMM_T* partial) {
  volatile __global GEMM_T4* to = partsOf(partial) + (int)get_group_id(1) * (QUADS * ITEMS);
#pragma unroll
  for (int g = 0; g < T_WM / 16; ++g)
#pragma unroll
    for (int n = 0; n < T_WN / 8; ++n) to[(g * (T_WN / 8) + n) * ITEMS] = quadOf(sums, g, n);
}
static inline GEMM_T4 sumOfParts(volatile __global GEMM_T4* parts, int quad) {
  GEMM_T4 sum = parts[quad * ITEMS];
#pragma unroll
  for (int p = 1; p < T_SPLIT; ++p) sum += parts[(p * QUADS + quad) * ITEMS];
  return sum;
}
#define OUTPUT_SUMS __global GEMM_T* partial
#define SUM_OF(g, n) sumOfParts(parts, (g) * (T_WN / 8) + (n))
#else
#define OUTPUT_SUMS GEMM_T sums[SUM_ROWS][SUM_COLUMNS]
#define SUM_OF(g, n) quadOf(sums, g, n)
#endif

// Groups of sixteen channels that are stored together: where a warp has few pixels, residuals of one are too few bytes on their way.
#define GROUPS_AHEAD (P_PAIRS && P_HAS_RESIDUAL && T_SPLIT == 1 && T_WN == 16 ? 4 : 1)

// Rows from `row` on of the group whose rows begin at `groupRow`, pixels from `pixel` on.
static inline void storeSums(OUTPUT_SUMS, int groupRow, int row, int pixel, __global const float* channels,
                             __global const int* zeroTerms, RESIDUALS, __global P_Y* y) {
  const int lane = get_local_id(0) % 32;
  const RATE rate = RATE_OF(channels);
  const CODE_SCALE scale = SCALE_OF(channels);
#if T_SPLIT > 1
  volatile __global GEMM_T4* parts = partsOf(partial);
#pragma unroll 1
#else
#pragma unroll
#endif
  for (int first = 0; first < T_WM / 16; first += GROUPS_AHEAD) {
    // Residuals and parts are all asked for before the first is waited for, as far as registers go.
#define AHEAD (T_SPLIT > 4 && T_WN > 32 ? 4 : T_WN / 8)
#if T_SPLIT > 1
#pragma unroll 1
#else
#pragma unroll
#endif
    for (int n = 0; n < T_WN / 8; n += AHEAD) {
      Place places[GROUPS_AHEAD][AHEAD];
      float4 residuals[GROUPS_AHEAD][AHEAD];
      GEMM_T4 quads[GROUPS_AHEAD][AHEAD];
#pragma unroll
      for (int g = 0; g < GROUPS_AHEAD; ++g)
#pragma unroll
        for (int i = 0; i < AHEAD; ++i) {
          const int at = ROW_AT(row, lane, first + g);
          places[g][i] = placeOf((groupRow + at) / 4, PIXEL_AT(pixel, lane, n + i));
          if (at >= P_ROWS) places[g][i].position = -1;
          residuals[g][i] = RESIDUAL_OF(first + g, n + i, places[g][i], scale);
          quads[g][i] = SUM_OF(first + g, n + i);
        }
#pragma unroll
      for (int g = 0; g < GROUPS_AHEAD; ++g) {
        const int at = ROW_AT(row, lane, first + g);
        if (at >= P_ROWS) continue;
        const Channels four = channelsAt(channels, (groupRow + at) / 4 / PHASES * 4);
#pragma unroll
        for (int i = 0; i < AHEAD; ++i) storeQuad(quads[g][i], four, places[g][i], residuals[g][i], zeroTerms, y, rate);
      }
    }
  }
}
