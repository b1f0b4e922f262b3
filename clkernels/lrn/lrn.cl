// lrn: y = x / (bias + alpha * sum of squares)^beta, a work-item per element; alpha is already divided by the cells.
//
// Layout of x and y: see common/index.cl; block 1 or a channel block, whose padding lanes are 0 and stay so.
// P_WITHIN   0: `size` channels around this one; 1: a size x size window of the plane
// P_TYPE   type of x and y: float or half
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
  STORE(P_TYPE, 1, v / pow(bias + alpha * sum, beta), y, imageOffset(n, c, p, plane, block, yBase, yBatch));
}
