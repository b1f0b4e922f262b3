// lrn: y = x / (bias + alpha * sum of squares)^beta, a work-item per element; alpha is already divided by the cells.
//
// Layout of x and y: see common/index.cl; block 1 or a channel block, whose padding lanes are 0 and stay so.
// P_WITHIN   0: `size` channels around this one; 1: a size x size window of the plane
// P_ROOTS    beta in fourths where it is 2, 3 or 4, which makes the result defined to the bit (docs/numerics.md); else 0: pow
// P_TYPE   type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/operand.cl"
#include "common/index.cl"

__kernel void lrn(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int count, int block,
                  int paddedChannels, int channels, int height, int width, int size, float alpha, float beta,
                  float bias, int xBase, int xBatch, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int plane = height * width, before = (size - 1) / 2;
  const int lane = i % block, p = i / block % plane;
  const int c = i / (block * plane) % (paddedChannels / block) * block + lane, n = i / (plane * paddedChannels);
  float sum = 0.0f;
#if P_WITHIN
  const int h = p / width - before, w = p % width - before;
  for (int ih = max(h, 0); ih < min(h + size, height); ++ih)
    for (int iw = max(w, 0); iw < min(w + size, width); ++iw) {
      const float v = LOAD(P_TYPE, 1, x, imageOffset(n, c, ih * width + iw, plane, block, xBase, xBatch));
      sum += v * v;
    }
#else
  for (int k = max(c - before, 0); k < min(c - before + size, channels); ++k) {
    const float v = LOAD(P_TYPE, 1, x, imageOffset(n, k, p, plane, block, xBase, xBatch));
    sum += v * v;
  }
#endif
  const float v = LOAD(P_TYPE, 1, x, imageOffset(n, c, p, plane, block, xBase, xBatch));
  const float base = bias + alpha * sum;
#if P_ROOTS
  const float root = definedSqrt_1(base), power = P_ROOTS == 2 ? root : P_ROOTS == 3 ? root * definedSqrt_1(root) : base;
#else
  const float power = pow(base, beta);
#endif
  STORE(P_TYPE, 1, definedDivide_1(v, power), y, imageOffset(n, c, p, plane, block, yBase, yBatch));
}
