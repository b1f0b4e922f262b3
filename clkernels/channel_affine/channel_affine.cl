// channel_affine: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, or y = x * scale + bias; a work-item per
// element.
//
// The element at logical index j takes parameter j / inner % modulus; in a blocked layout its channel's (padding lanes
// become 0). Layout of x and y: see common/index.cl.
// P_STATISTICS  0, 1: mean and variance take part
// P_BIAS        0, 1
// P_TYPE   type of x and y: float or half
// Defined to the bit (docs/numerics.md).
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/operand.cl"

__kernel void channel_affine(__global const P_TYPE* restrict x, __global const float* restrict scale,
                             __global const float* restrict bias, __global const float* restrict mean,
                             __global const float* restrict variance, __global P_TYPE* restrict y, int count,
                             int item, int block, int plane, int channels, int inner, int modulus, float epsilon,
                             int xBase, int xBatch, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int n = i / item, rest = i % item;
  const int channel = rest / (plane * block) * block + rest % block;
  const int at = (block > 1 ? channel : i / inner) % modulus;
  float v = LOAD(P_TYPE, 1, x, xBase + n * xBatch + rest);
#if P_STATISTICS
  v = definedDivide_1(v - mean[at], definedSqrt_1(variance[at] + epsilon));
#endif
  v *= scale[at];
#if P_BIAS
  v += bias[at];
#endif
  STORE(P_TYPE, 1, block > 1 && channel >= channels ? 0.0f : v, y, yBase + n * yBatch + rest);
}
