// ps_roi_pool: the mean of each bin of a region of interest, every bin from channels of its own
// (runtime/ops/ps_roi_pool.cpp). A work-item per element of y.
//
// All planar: x[xBase + n * xBatch + c * plane + p] with c = (k * group + i) * group + j, rois [R, 5] (item, x1, y1, x2,
// y2), y [R, K, group, group].
// P_TYPE   type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"
#define VALUE float
#include "common/exact_divide.cl"

static inline float corner(float v) { return v != v ? 0.0f : clamp(round(v), -1e6f, 1e6f); }

// Cells (x: first, y: end) of bin `index` along one axis.
static inline int2 cellsOfBin(float from, float to, float scale, int index, int bins, int extent) {
  const float start = corner(from) * scale, end = (corner(to) + 1.0f) * scale;
  const float bin = exactDivide(fmax(end - start, 0.1f), (float)bins);
  const float first = floor((float)index * bin + start), last = ceil((float)(index + 1) * bin + start);
  return (int2)((int)clamp(first, 0.0f, (float)extent), (int)clamp(last, 0.0f, (float)extent));
}

__kernel void ps_roi_pool(__global const P_TYPE* restrict x, __global const float* restrict rois,
                          __global P_TYPE* restrict y, int count, int batch, int outChannels, int group, int height,
                          int width, float scale, int xBase, int xBatch, int rBase, int rBatch, int yBase,
                          int yBatch) {
  const int at = get_global_id(0);
  if (at >= count) return;
  const int j = at % group, i = at / group % group, k = at / (group * group) % outChannels;
  const int item = group * group * outChannels, r = at / item;
  __global const float* roi = rois + rBase + r * rBatch;
  const float which = roi[0] != roi[0] ? 0.0f : roi[0];
  const int n = (int)clamp(which, 0.0f, (float)(batch - 1));
  const int2 rows = cellsOfBin(roi[2], roi[4], scale, i, group, height);
  const int2 columns = cellsOfBin(roi[1], roi[3], scale, j, group, width);
  const int from = xBase + n * xBatch + ((k * group + i) * group + j) * height * width;
  float sum = 0.0f;
  for (int h = rows.x; h < rows.y; ++h)
    for (int w = columns.x; w < columns.y; ++w) sum += LOAD(P_TYPE, 1, x, from + h * width + w);
  const int cells = (rows.y - rows.x) * (columns.y - columns.x);
  const bool empty = rows.y <= rows.x || columns.y <= columns.x;
  STORE(P_TYPE, 1, empty ? 0.0f : exactDivide(sum, (float)cells), y, yBase + r * yBatch + at % item);
}
