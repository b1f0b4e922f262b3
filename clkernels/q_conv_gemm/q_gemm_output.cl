// What INT8 matrix products do with their sums: epilogue and stores, and the addition of split sums. q_conv_gemm.cl says what
// rows, pixels, layouts and P_ macros mean. Include after common/quant.cl and conv_gemm/gemm_loop.cl.
#if !defined(P_STORE) || !defined(P_YBLOCK) || !defined(P_RBLOCK) || !defined(P_CHANNELS) || \
    !defined(P_PHASE_ROWS)
#error "sums of an INT8 product need P_STORE, P_YBLOCK, P_RBLOCK, P_CHANNELS and P_PHASE_ROWS"
#endif
// Operands of the epilogue beyond those of common/window.cl.
typedef struct {
  Output out;
  __global const float* multiplier;
  __global const int* zeroTerms;
  RATE rate;
  CODE_SCALE residualScale;
} QuantOutput;

// Index of the first of four channels at a position: blocks of 4 hold them side by side, planes lie O_PLANE apart.
#define INDEX(block, offset, batch, place) \
  ((offset) + (place).n * (batch) + (place).channel * O_PLANE + (place).position * (block))

static inline float4 residualAt(Place place, QuantOutput q) {
#if P_HAS_RESIDUAL
  __global const P_R* r = q.out.residual + INDEX(P_RBLOCK, q.out.rOffset, q.out.rBatch, place);
#if P_RESIDUAL_CODED
  return decode(*(__global const char4*)r, q.residualScale);
#elif P_RBLOCK == 4
  return *(__global const float4*)r;
#else
  float v[4];
#pragma unroll
  for (int l = 0; l < 4; ++l) v[l] = place.channel + l < P_CHANNELS ? r[l * O_PLANE] : 0.0f;
  return (float4)(v[0], v[1], v[2], v[3]);
#endif
#else
  return (float4)(0.0f);
#endif
}

// The values of four channels at a place, zeros beyond the last channel.
static inline float4 valuesAt(int4 sums, Place place, QuantOutput q) {
  const int c = place.channel;
  const float4 bias = P_HAS_BIAS ? *(__global const float4*)(q.out.bias + c) : (float4)(0.0f);
#if P_SLOPE == 2
  const float4 slope = *(__global const float4*)(q.out.slope + c);
#else
  const float4 slope = slopeAt(q.out.slope, c);
#endif
  const float4 value =
      quantisedEpilogue(CORRECTED(sums, q.zeroTerms, place.position, c), *(__global const float4*)(q.multiplier + c), bias,
                        residualAt(place, q), slope);
  return P_CHANNELS % 4 == 0 ? value : padLanes(value, P_CHANNELS - c, q.rate);
}

static inline void storeOne(float4 value, Place place, QuantOutput q) {
  __global P_Y* y = q.out.y + INDEX(P_YBLOCK, q.out.yOffset, q.out.yBatch, place);
#if P_CODED
  *(__global char4*)y = encode(value, q.rate);
#elif P_YBLOCK == 4
  *(__global float4*)y = value;
#else
  const float v[4] = {value.s0, value.s1, value.s2, value.s3};
#pragma unroll
  for (int l = 0; l < 4; ++l)
    if (place.channel + l < P_CHANNELS) y[l * O_PLANE] = v[l];
#endif
}

#if P_PHASE_ROWS
// The values of four phases of a channel.
static inline float4 phaseValues(int4 sums, int c, QuantOutput q) {
  const float4 bias = (float4)(P_HAS_BIAS ? q.out.bias[c] : 0.0f);
#if P_SLOPE == 2
  const float4 slope = (float4)(q.out.slope[c]);
#else
  const float4 slope = slopeAt(q.out.slope, c);
#endif
  return quantisedEpilogue(sums, (float4)(q.multiplier[c]), bias, (float4)(0.0f), slope);
}

// Index in the output of a phase at a pixel; -1 outside.
static inline int phaseIndex(int c, int phase, int pixel, QuantOutput q) {
  const int n = pixel / Q_PLANE, at = pixel - n * Q_PLANE, qy = at / P_QW;
  const int oy = qy * P_UY + phase / P_UX - P_OY, ox = (at - qy * P_QW) * P_UX + phase % P_UX - P_OX;
  const int inside = pixel < P_PIXELS && (uint)oy < (uint)P_OH && (uint)ox < (uint)P_OW;
  return inside ? q.out.yOffset + n * q.out.yBatch + c * O_PLANE + oy * P_OW + ox : -1;
}

static inline void storePhases(float4 value, int c, int phase, int pixel, QuantOutput q) {
  const float v[4] = {value.s0, value.s1, value.s2, value.s3};
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const int i = phaseIndex(c, phase + l, pixel, q);
    if (i >= 0) q.out.y[i] = v[l];
  }
}

// One pixel; used for sums of parts.
static inline void storeSum(int4 sum, int quad, int pixel, QuantOutput q) {
  const int c = quad * 4 / PHASES;
  storePhases(phaseValues(sum, c, q), c, quad * 4 % PHASES, pixel, q);
}

// Epilogue and store of a quad of rows at four pixels; sums[l] holds the rows at pixel + l.
static inline void storeQuad(const int4* sums, int quad, int pixel, QuantOutput q) {
  const int c = quad * 4 / PHASES, phase = quad * 4 % PHASES;
  float4 v[4];
#pragma unroll
  for (int l = 0; l < 4; ++l) v[l] = phaseValues(sums[l], c, q);
#if P_STORE && P_UX == 2
  // Eight neighbours in x of two rows: vectors unless the window leaves the output.
  const float4 rows[2][2] = {{(float4)(v[0].s0, v[0].s1, v[1].s0, v[1].s1), (float4)(v[2].s0, v[2].s1, v[3].s0, v[3].s1)},
                             {(float4)(v[0].s2, v[0].s3, v[1].s2, v[1].s3), (float4)(v[2].s2, v[2].s3, v[3].s2, v[3].s3)}};
#pragma unroll
  for (int h = 0; h < 2; ++h)
#pragma unroll
    for (int side = 0; side < 2; ++side) {
      const int i = phaseIndex(c, phase + h * 2, pixel + side * 2, q);
      if (i >= 0) *(__global float4*)(q.out.y + i) = rows[h][side];
    }
#elif P_STORE
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const int i = phaseIndex(c, phase, pixel + l, q);
    if (i >= 0) *(__global float4*)(q.out.y + i) = v[l];
  }
#else
#pragma unroll
  for (int l = 0; l < 4; ++l) storePhases(v[l], c, phase, pixel + l, q);
#endif
}

#else
static inline void storeSum(int4 sum, int quad, int pixel, QuantOutput q) {
  const Place place = placeOf(quad, pixel);
  if (place.position >= 0) storeOne(valuesAt(sum, place, q), place, q);
}

// Epilogue and store of a quad of rows at four pixels; sums[l] holds the rows at pixel + l.
static inline void storeQuad(const int4* sums, int quad, int pixel, QuantOutput q) {
#if P_STORE && (P_CODED || P_YBLOCK == 1)
  Place place = placeOf(quad, pixel);
  if (place.position < 0) return;
  __global P_Y* y = q.out.y + INDEX(P_YBLOCK, q.out.yOffset, q.out.yBatch, place);
  float4 v[4];
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    v[l] = valuesAt(sums[l], place, q);
    ++place.position;
  }
#if P_CODED
  *(__global int4*)y = (int4)(as_int(encode(v[0], q.rate)), as_int(encode(v[1], q.rate)), as_int(encode(v[2], q.rate)),
                              as_int(encode(v[3], q.rate)));
#else
  const float4 planes[4] = {(float4)(v[0].s0, v[1].s0, v[2].s0, v[3].s0), (float4)(v[0].s1, v[1].s1, v[2].s1, v[3].s1),
                            (float4)(v[0].s2, v[1].s2, v[2].s2, v[3].s2), (float4)(v[0].s3, v[1].s3, v[2].s3, v[3].s3)};
#pragma unroll
  for (int l = 0; l < 4; ++l)
    if (place.channel + l < P_CHANNELS) *(__global float4*)(y + l * O_PLANE) = planes[l];
#endif
#else
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const Place place = placeOf(quad, pixel + l);
    if (place.position >= 0) storeOne(valuesAt(sums[l], place, q), place, q);
  }
#endif
}
#endif

#define EPILOGUE_ARGUMENTS                                                                               \
  __global const float *restrict channels, __global const P_R *restrict residual, __global P_Y *restrict y,     \
      __global const int *restrict zeroTerms, float rate, float zero, float residualScale, float residualZero,  \
      int yOffset, int yBatch, int rOffset, int rBatch
#define PADDED ((P_CHANNELS + 3) / 4 * 4)
#define QUANT_OUTPUT                                                                                        \
  {{channels + PADDED, channels + 2 * PADDED, residual, y, yOffset, yBatch, rOffset, rBatch}, channels, zeroTerms, \
   WITH_ZERO(rate, zero), WITH_ZERO(residualScale, residualZero)}

#if T_SPLIT > 1 && !T_SUM
// Adds the parts, then the epilogue. An item per four channels of a pixel.
__kernel void gemm_sum(__global const int* restrict partial, EPILOGUE_ARGUMENTS) {
  const int i = get_global_id(0), quad = i / P_PIXELS4, pixel = i - quad * P_PIXELS4;
  if (quad >= P_GROUPS * P_ROWS / 4) return;
  int4 sum = 0;
#pragma unroll
  for (int split = 0; split < T_SPLIT; ++split) {
    __global const int* part = partial + ((split * (P_GROUPS * P_ROWS) + quad * 4) * P_PIXELS4 + pixel);
    sum += (int4)(part[0], part[P_PIXELS4], part[2 * P_PIXELS4], part[3 * P_PIXELS4]);
  }
  const QuantOutput out = QUANT_OUTPUT;
  storeSum(sum, quad, pixel, out);
}
#endif
