// deform_columns: the columns of a deformable convolution, planar (runtime/ops/deform_columns.cpp).
//
// A work-item computes P_CHUNK channels of one tap at one position, so that place and weights are computed once:
//   y[yBase + n * yBatch + (channel * taps + tap) * positions + position]
//   offsets[oBase + n * oBatch + ((group * taps + tap) * 2 + axis) * positions + position], masks alike, without axis
// P_MASK   1: values are multiplied by a mask
// P_CHUNK  channels that a work-item computes; they divide a group
// P_TYPE   type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"

#if !defined(P_MASK) || !defined(P_CHUNK)
#error "deform_columns needs P_MASK and P_CHUNK"
#endif

__kernel void deform_columns(__global const P_TYPE* restrict x, __global const float* restrict offsets,
                             __global const float* restrict masks, __global P_TYPE* restrict y, int count, int channels,
                             int groups, int height, int width, int outHeight, int outWidth, int kernelY, int kernelX,
                             int strideY, int strideX, int dilationY, int dilationX, int padY, int padX, int xBase,
                             int xBatch, int oBase, int oBatch, int mBase, int mBatch, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int positions = outHeight * outWidth, taps = kernelY * kernelX, chunks = channels / P_CHUNK;
  const int p = i % positions, t = i / positions % taps, chunk = i / (positions * taps) % chunks;
  const int n = i / (positions * taps * chunks), first = chunk * P_CHUNK;
  const int tap = first / (channels / groups) * taps + t;
  __global const float* offset = offsets + oBase + n * oBatch + tap * 2 * positions + p;
  const float ay = (float)(p / outWidth * strideY + t / kernelX * dilationY - padY) + offset[0];
  const float ax = (float)(p % outWidth * strideX + t % kernelX * dilationX - padX) + offset[positions];
  const int seen = ay > -1.0f && ay < (float)height && ax > -1.0f && ax < (float)width;
  const float fy = seen ? floor(ay) : 0.0f, fx = seen ? floor(ax) : 0.0f;
  const int y0 = (int)fy, x0 = (int)fx;
  const float ly = seen ? ay - fy : 0.0f, lx = seen ? ax - fx : 0.0f;
  const int top = seen && y0 >= 0, low = seen && y0 + 1 < height, left = x0 >= 0, right = x0 + 1 < width;
#if P_MASK
  const float factor = masks[mBase + n * mBatch + tap * positions + p];
#endif
  for (int k = 0; k < P_CHUNK; ++k) {
    const int at = xBase + n * xBatch + ((first + k) * height + y0) * width + x0;
    const float a = top && left ? LOAD(P_TYPE, 1, x, at) : 0.0f;
    const float b = top && right ? LOAD(P_TYPE, 1, x, at + 1) : 0.0f;
    const float c = low && left ? LOAD(P_TYPE, 1, x, at + width) : 0.0f;
    const float d = low && right ? LOAD(P_TYPE, 1, x, at + width + 1) : 0.0f;
    float value = (1.0f - ly) * ((1.0f - lx) * a + lx * b) + ly * ((1.0f - lx) * c + lx * d);
#if P_MASK
    value *= factor;
#endif
    STORE(P_TYPE, 1, value, y, yBase + n * yBatch + ((first + k) * taps + t) * positions + p);
  }
}
