// max_roi_pool: the largest element of each bin of a region of interest (runtime/ops/max_roi_pool.cpp).
//
// A work-item computes P_WIDTH neighbouring channels of one bin. Layouts of x and y: see common/index.cl; rois [R, 5]
// (item, x1, y1, x2, y2) is planar.
// P_WIDTH    channels of a value
// P_TYPE     type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/index.cl"

static inline float rounded(float corner, float scale) {
  return clamp(round((corner != corner ? 0.0f : corner) * scale), -1e6f, 1e6f);
}

// Cells (x: first, y: end) of bin `index` along one axis.
static inline int2 binCells(float from, float to, float scale, int index, int bins, int extent) {
  const float start = rounded(from, scale), end = rounded(to, scale), span = fmax(end - start + 1.0f, 1.0f);
  const float bin = definedDivide_1(span, (float)bins);
  const float first = floor((float)index * bin) + start, last = ceil((float)(index + 1) * bin) + start;
  return (int2)((int)clamp(first, 0.0f, (float)extent), (int)clamp(last, 0.0f, (float)extent));
}

__kernel void max_roi_pool(__global const P_TYPE* restrict x, __global const float* restrict rois,
                           __global P_TYPE* restrict y, int count, int groups, int batch, int height, int width,
                           int binsY, int binsX, float scale, int block, int xBase, int xBatch, int rBase, int rBatch,
                           int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int positions = binsY * binsX, p = i % positions, g = i / positions % groups, r = i / (positions * groups);
  __global const float* roi = rois + rBase + r * rBatch;
  const float item = roi[0] != roi[0] ? 0.0f : roi[0];
  const int n = (int)clamp(item, 0.0f, (float)(batch - 1));
  const int2 rows = binCells(roi[2], roi[4], scale, p / binsX, binsY, height);
  const int2 columns = binCells(roi[1], roi[3], scale, p % binsX, binsX, width);
  const int from = imageOffset(n, g * P_WIDTH, 0, height * width, block, xBase, xBatch);
  FLOATS(P_WIDTH) best = (FLOATS(P_WIDTH))(rows.x < rows.y && columns.x < columns.y ? -INFINITY : 0.0f);
  for (int h = rows.x; h < rows.y; ++h)
    for (int w = columns.x; w < columns.y; ++w) best = fmax(best, LOAD(P_TYPE, P_WIDTH, x, from + (h * width + w) * block));
  STORE(P_TYPE, P_WIDTH, best, y, imageOffset(r, g * P_WIDTH, p, positions, block, yBase, yBatch));
}
