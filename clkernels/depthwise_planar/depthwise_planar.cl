// depthwise_planar, q_depthwise_words, depthwise_blocks, q_depthwise_blocks: one filter per output channel, for GPUs, over planar
// f32 or half, over codes in blocks of four channels, or over half or codes in the blocks of 16 channels of tensor cores.
//
//   y(n, c, oy, ox) = sum over ky, kx of weights[c, ky, kx] * x(n, c / P_M, oy * P_SY - P_PY + ky * P_DY, ox * P_SX - P_PX + kx * P_DX)
// An element is PW_WIDTH neighbouring channels of a pixel, LANES of them a block of P_BLOCK channels:
//   x, y and the residual  element (((n * PLANES + c / P_BLOCK) * H + y) * W + x) * LANES + c % P_BLOCK / PW_WIDTH
//   weights                element ((c / P_BLOCK * KH + ky) * KW + kx) * LANES + c % P_BLOCK / PW_WIDTH
// Offsets and batch strides count elements, too. P_OC output channels, P_M for each input channel: 1 where P_BLOCK is not.
// channels: multipliers (of codes), bias and slopes, a row of PLANES * P_BLOCK each; planar floats have bias and slopes apart.
// P_X, P_WEIGHTS, P_R, P_Y  numbers: float, half or char
// An item makes T_Y outputs below each other, which share rows of x; neighbours lie along x. Tunables: T_Y; of blocks T_L, PW_WIDTH.
#if !defined(T_Y) || !defined(P_N) || !defined(P_OC) || !defined(P_M) || !defined(P_H) || !defined(P_W) || !defined(P_OH) || \
    !defined(P_OW) || !defined(P_KH) || !defined(P_KW) || !defined(P_CODES) || !defined(P_BLOCK) || !defined(PW_WIDTH) || \
    !defined(P_X) || !defined(P_WEIGHTS) || !defined(P_Y) || !defined(P_R)
#error "depthwise_planar needs all its T_ and P_ macros"
#endif
#include "common/activation.cl"
#include "common/operand.cl"
#define LANES (P_BLOCK / PW_WIDTH)
#define PLANES ((P_OC + P_BLOCK - 1) / P_BLOCK)

#if P_CODES
#include "common/quant.cl"
#define PADDED (PLANES * P_BLOCK)
#define SUM PW_INT
#define VALUE(TYPE, p, i) PW_CAT(convert_int, PW_WIDTH)(LOAD_NUMBERS(TYPE, PW_WIDTH, p, (i)*PW_WIDTH))
#define MULTIPLY_ADD(weight, value, sum) ((sum) + (value) * (weight))
#define EPILOGUE_OPERANDS \
  __global const float *channels, __global const int *zeroTerms, float rate, float zero, float residualScale, \
      float residualZero, __global const P_R *residual
#define EPILOGUE_GIVEN channels, zeroTerms, rate, zero, residualScale, residualZero, residual
#else
#define SUM PW_T
#define VALUE(TYPE, p, i) LOAD_ALIGNED(TYPE, PW_WIDTH, p, (i)*PW_WIDTH)
#define MULTIPLY_ADD(weight, value, sum) fma(weight, value, sum)
#define EPILOGUE_OPERANDS __global const float *bias, __global const P_R *residual, __global const float *slope
#define EPILOGUE_GIVEN bias, residual, slope
#endif
#define STRIPS ((P_OH + T_Y - 1) / T_Y)

// The sum of an element's channels from c on as it is stored: element `at` of y and the residual, at a place of the plane.
static inline void finish(SUM sum, int c, int position, int at, int rAt, EPILOGUE_OPERANDS, __global P_Y* y) {
#if P_CODES
  PW_T added = LIT(0.0f);
#if P_HAS_RESIDUAL && P_RESIDUAL_CODED
  added = decode(LOAD_NUMBERS(P_R, PW_WIDTH, residual, rAt * PW_WIDTH), WITH_ZERO(residualScale, residualZero));
#elif P_HAS_RESIDUAL
  added = LOAD_ALIGNED(P_R, PW_WIDTH, residual, rAt * PW_WIDTH);
#endif
  PW_T value = quantisedEpilogue(CORRECTED(sum, zeroTerms, position, c), PW_LOAD(channels, c), biasAt(channels + PADDED, c), added,
                                 slopeAt(channels + 2 * PADDED, c));
  if (P_OC % P_BLOCK != 0) value = padLanes(value, P_OC - c, WITH_ZERO(rate, zero));
#if P_CODED
  STORE_NUMBERS(P_Y, PW_WIDTH, encode(value, WITH_ZERO(rate, zero)), y, at * PW_WIDTH);
#else
  STORE_ALIGNED(P_Y, PW_WIDTH, value, y, at * PW_WIDTH);
#endif
#else
  const PW_T added = P_HAS_RESIDUAL ? LOAD_ALIGNED(P_R, PW_WIDTH, residual, rAt * PW_WIDTH) : LIT(0.0f);
  PW_T value = epilogue(sum, biasAt(bias, c), added, slopeAt(slope, c));
  if (P_OC % P_BLOCK != 0) value = maskLanes(value, P_OC - c);
  STORE_ALIGNED(P_Y, PW_WIDTH, value, y, at * PW_WIDTH);
#endif
}

__kernel void depthwise_planar(__global const P_X* restrict x, __global const P_WEIGHTS* restrict w, EPILOGUE_OPERANDS,
                               __global P_Y* restrict y, int xOffset, int xBatch, int yOffset, int yBatch, int rOffset,
                               int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_N * PLANES * STRIPS * P_OW * LANES) return;
  const int lane = i % LANES, ox = i / LANES % P_OW, strip = i / (LANES * P_OW) % STRIPS, plane = i / (LANES * P_OW * STRIPS);
  const int block = plane % PLANES, n = plane / PLANES, c = block * P_BLOCK + lane * PW_WIDTH;
  const int from = xOffset + n * xBatch + block / P_M * (P_H * P_W * LANES) + lane;
  const int x0 = ox * P_SX - P_PX, oy0 = strip * T_Y;
  SUM acc[T_Y];
#pragma unroll
  for (int r = 0; r < T_Y; ++r) acc[r] = (SUM)(0);
#pragma unroll
  for (int ky = 0; ky < P_KH; ++ky) {
#pragma unroll
    for (int kx = 0; kx < P_KW; ++kx) {
      const SUM weight = VALUE(P_WEIGHTS, w, ((block * P_KH + ky) * P_KW + kx) * LANES + lane);
      const int ix = x0 + kx * P_DX;
#pragma unroll
      for (int r = 0; r < T_Y; ++r) {
        const int iy = (oy0 + r) * P_SY - P_PY + ky * P_DY;
        const int inside = (uint)iy < (uint)P_H && (uint)ix < (uint)P_W;
#if PW_WIDTH == 1
        const SUM value = inside ? VALUE(P_X, x, from + iy * P_W + ix) : (SUM)(0);
#else
        // Vectors are converted behind their load: no branch around both, so that the loads of all taps are under way together.
        const SUM there = VALUE(P_X, x, from + (inside ? iy * P_W + ix : 0) * LANES), value = inside ? there : (SUM)(0);
#endif
        acc[r] = MULTIPLY_ADD(weight, value, acc[r]);
      }
    }
  }
#pragma unroll
  for (int r = 0; r < T_Y; ++r) {
    const int oy = oy0 + r, position = oy * P_OW + ox, at = (block * (P_OH * P_OW) + position) * LANES + lane;
    if (oy < P_OH)
      finish(acc[r], c, position, yOffset + n * yBatch + at, rOffset + n * rBatch + at, EPILOGUE_GIVEN, y);
  }
}
