// What conv_mma does with an item's sums: epilogue and stores, four channels of a pixel at a time.
//
// ROW_AT, PIXEL_AT  row and pixel of an item's g-th quad and n-th pixel, from the first of its warp's; here as in conv_mma/mma_tile.cl.
//                   Quads lie sixteen rows apart
// PIXELS_FULL       1: all pixels of all tiles are pixels of the output
#ifndef ROW_AT
#define PIXELS_FULL (P_PIXELS % T_N == 0)
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

// Where four channels of an output pixel go. Places of an item's quads of one pixel differ by a known number, where PHASES is 1:
// sixteen channels on is sixteen planes on, in blocks of 16 and of 1.
typedef struct {
  Place first;  // of the item's first quad of the pixel; its position is -1 where there is none
  int group;    // how many times sixteen channels from there
} Quad;
#define CHANNEL_OF(quad) ((quad).first.channel + (quad).group * 16)
#define POSITION_OF(quad) max((quad).first.position, 0)
// Element of a tensor that a quad begins with, FURTHER(quad) from here.
#define INDEX(block, offset, batch, quad)                                                                                 \
  ((offset) + (quad).first.n * (batch) +                                                                                  \
   ((int)((uint)(quad).first.channel / (block)) * O_PLANE + (quad).first.position) * (block) +                            \
   (int)((uint)(quad).first.channel % (block)))
#define FURTHER(quad) ((quad).group * (16 * O_PLANE))  // apart, so that it becomes a part of the instruction
#define ROWS_FULL (P_ROWS % T_M == 0)
#define ALL_THERE (PHASES == 1 && PIXELS_FULL && ROWS_FULL)
#define IS_THERE(quad) (ALL_THERE || (quad).first.position >= 0)

static inline Quad quadAt(int groupRow, int row, int lane, int g, int pixel) {
  Quad quad;
#if PHASES == 1
  quad.first = placeOf((groupRow + ROW_AT(row, lane, 0)) / 4, pixel);
  quad.group = g;
#else
  quad.first = placeOf((groupRow + ROW_AT(row, lane, g)) / 4, pixel);
  quad.group = 0;
#endif
  if (!ROWS_FULL && ROW_AT(row, lane, g) >= P_ROWS) quad.first.position = -1;
  return quad;
}

// A kernel that defines EARLY_QUADS has residuals of codes asked for before the sums begin, where an item's are so few quads at most:
// small sums would wait for them.
#ifndef EARLY_QUADS
#define EARLY_QUADS 0
#endif
#define QUADS (T_WM / 16 * (T_WN / 8))
#define IS_EARLY (P_RESIDUAL_CODES && P_RBLOCK > 1 && T_SPLIT == 1 && QUADS <= EARLY_QUADS)

// Residuals as they lie in memory, four channels of them; there is no branch around loads, so that many are under way together.
#if !P_HALF && P_HAS_RESIDUAL && P_RESIDUAL_CODED
#define P_RESIDUAL_CODES 1
#define LYING char4
#define VALUES_OF(lying, scale) decode(lying, scale)
#else
#define P_RESIDUAL_CODES 0
#define LYING float4
#define VALUES_OF(lying, scale) (lying)
#endif
static inline LYING residualAt(Quad quad, __global const P_R* residual) {
#if P_HAS_RESIDUAL
  residual += IS_THERE(quad) ? INDEX(P_RBLOCK, P_ROFFSET, P_RBATCH, quad) : (P_ROFFSET);
  const int further = IS_THERE(quad) ? FURTHER(quad) : 0;
#if P_RESIDUAL_CODES
  return *(__global const char4*)(residual + further);
#elif P_RBLOCK > 1
  return LOAD_ALIGNED(P_R, 4, residual, further);
#else
  float v[4];
#pragma unroll
  for (int l = 0; l < 4; ++l)
    v[l] = IS_THERE(quad) && CHANNEL_OF(quad) + l < P_CHANNELS ? LOAD(P_R, 1, residual, further + l * O_PLANE) : 0.0f;
  return (float4)(v[0], v[1], v[2], v[3]);
#endif
#else
  return (LYING)(0);
#endif
}

#if IS_EARLY
#define RESIDUALS LYING residual[T_WM / 16][T_WN / 8]
#define RESIDUAL_OF(g, n, quad) residual[g][n]
static inline void askForResiduals(int groupRow, int row, int pixel, __global const P_R* residual,
                                   LYING early[T_WM / 16][T_WN / 8]) {
  const int lane = get_local_id(0) % 32;
#pragma unroll
  for (int g = 0; g < T_WM / 16; ++g)
#pragma unroll
    for (int n = 0; n < T_WN / 8; ++n)
      early[g][n] = residualAt(quadAt(groupRow, row, lane, g, PIXEL_AT(pixel, lane, n)), residual);
}
#else
#define RESIDUALS __global const P_R* residual
#define RESIDUAL_OF(g, n, quad) residualAt(quad, residual)
#endif

// NVIDIA's compiler would draw the arithmetic of a quad into a branch around its store, and quads would wait for each other's.
#if defined(__NV_CL_C_VERSION) && D_MMA && !ALL_THERE
#define STORE_BY_PTX 1
#else
#define STORE_BY_PTX 0
#endif
static inline void storeFour(float4 value, Quad quad, __global P_Y* y, RATE rate) {
  const int there = IS_THERE(quad);
  y += INDEX(P_YBLOCK, P_YOFFSET, P_YBATCH, quad);
#if !P_HALF && P_CODED && STORE_BY_PTX
  asm volatile("{ .reg .pred p; setp.ne.b32 p, %0, 0; @p st.global.b32 [%1], %2; }" ::"r"(there), "l"(y + FURTHER(quad)),
               "r"(as_int(encode(value, rate))));
#elif !P_HALF && P_CODED
  const char4 codes = encode(value, rate);
  if (there) *(__global char4*)(y + FURTHER(quad)) = codes;
#elif P_YBLOCK > 1 && P_HALF && !P_PAIRS && STORE_BY_PTX
  const uint2 words = as_uint2(narrowHalf4(value));
  if (sizeof(P_Y) == 2)
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %0, 0; @p st.global.v2.b32 [%1], {%2, %3}; }" ::"r"(there),
                 "l"(y + FURTHER(quad)), "r"(words.s0), "r"(words.s1));
  else if (there)
    STORE_ALIGNED(P_Y, 4, value, y, FURTHER(quad));
#elif P_YBLOCK > 1
  if (there) STORE_ALIGNED(P_Y, 4, value, y, FURTHER(quad));
#else
  const float v[4] = {value.s0, value.s1, value.s2, value.s3};
#pragma unroll
  for (int l = 0; l < 4; ++l)
    if (there && CHANNEL_OF(quad) + l < P_CHANNELS) STORE(P_Y, 1, v[l], y, FURTHER(quad) + l * O_PLANE);
#endif
}

// Four channels of a pixel: of sixteen channels g the item's own four, its n-th pixel, eight apart.
static inline GEMM_T4 quadOf(GEMM_T sums[SUM_ROWS][SUM_COLUMNS], int g, int n) {
  const GEMM_T* s = sums[g * (T_WN / 16) + n / 2] + n % 2 * 2;
  return (GEMM_T4)(s[0], s[1], s[4], s[5]);
}

// A quad's value.
static inline float4 finished(GEMM_T4 sum, Channels four, Quad quad, float4 residual, __global const int* zeroTerms, RATE rate) {
#if P_HALF
  float4 value = epilogue(P_PAIRS ? sum * four.multiplier : sum, four.bias, residual, four.slope);
#else
  float4 value = quantisedEpilogue(CORRECTED(sum, zeroTerms, POSITION_OF(quad), CHANNEL_OF(quad)), four.multiplier, four.bias,
                                   residual, four.slope);
#endif
#if P_CHANNELS % 16 && P_HALF
  value = maskLanes(value, P_CHANNELS - CHANNEL_OF(quad));
#elif P_CHANNELS % 16
  value = padLanes(value, P_CHANNELS - CHANNEL_OF(quad), rate);
#endif
  return value;
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
      Quad quads[GROUPS_AHEAD][AHEAD];
      LYING residuals[GROUPS_AHEAD][AHEAD];
      GEMM_T4 values[GROUPS_AHEAD][AHEAD];
#pragma unroll
      for (int g = 0; g < GROUPS_AHEAD; ++g)
#pragma unroll
        for (int i = 0; i < AHEAD; ++i) {
          quads[g][i] = quadAt(groupRow, row, lane, first + g, PIXEL_AT(pixel, lane, n + i));
          residuals[g][i] = RESIDUAL_OF(first + g, n + i, quads[g][i]);
          values[g][i] = SUM_OF(first + g, n + i);
        }
#pragma unroll
      for (int g = 0; g < GROUPS_AHEAD; ++g) {
        const int at = ROW_AT(row, lane, first + g);
        if (!ROWS_FULL && at >= P_ROWS) continue;
        const Channels four = channelsAt(channels, (groupRow + at) / 4 / PHASES * 4);
#pragma unroll
        for (int i = 0; i < AHEAD; ++i)
          storeFour(finished(values[g][i], four, quads[g][i], VALUES_OF(residuals[g][i], scale), zeroTerms, rate), quads[g][i], y,
                    rate);
      }
    }
  }
}
