// roi_align: regions of interest averaged or maximised into bins (runtime/ops/roi_align.cpp).
//
// A work-item computes P_CHUNK values of P_WIDTH neighbouring channels of one bin. Layouts of x and y: see
// common/index.cl; rois [R, 4] and items [R] are planar. Samples that can not meet the image are not visited, so that a
// huge region costs no more than the image has cells.
// P_MAX      0: mean of the samples; 1: largest weighted corner
// Arguments: halfPixel 1: regions are shifted by half a cell, 0: they are at least 1 x 1; sampling: samples per bin and
// axis, 0: as the region's size asks for.
// P_INDEX    int or long: type of items
// P_CHUNK    groups of channels that a work-item computes
// P_WIDTH    channels of a value
// P_TYPE     type of x and y: float or half
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"
#define MATH_WIDTH 1
#include "common/defined_math.cl"
#include "common/index.cl"
#define VALUE FLOATS(P_WIDTH)
#include "common/exact_divide.cl"

#if !defined(P_MAX) || !defined(P_INDEX) || !defined(P_CHUNK)
#error "roi_align needs P_MAX, P_INDEX and P_CHUNK"
#endif

typedef struct {
  float start, bin;       // of the region
  int samples, from, to;  // per bin; those worth a visit
} RoiAxis;

static inline float sampleAt(RoiAxis axis, int index, int sample) {
  return axis.start + (float)index * axis.bin + definedDivide_1(((float)sample + 0.5f) * axis.bin, (float)axis.samples);
}

static inline RoiAxis roiAxis(float begin, float end, float scale, int halfPixel, int sampling, int bins, int index,
                              int extent) {
  RoiAxis axis;
  const float offset = halfPixel ? 0.5f : 0.0f;
  axis.start = begin * scale - offset;
  float span = end * scale - offset - axis.start;
  if (!halfPixel) span = fmax(span, 1.0f);
  axis.bin = definedDivide_1(span, (float)bins);
  if (!(fabs(axis.start) < 1e7f && fabs(span) < 1e7f)) {
    axis.bin = 0.0f;
    axis.start = -10.0f;
  }
  axis.samples = sampling > 0 ? sampling : (int)ceil(axis.bin);
  axis.from = 0;
  axis.to = axis.samples;
  const float step = axis.bin / (float)axis.samples;
  if (axis.samples > 64 && step > 1e-3f) {
    const float first = axis.start + (float)index * axis.bin;
    axis.from = clamp((int)floor((-1.0f - first) / step) - 2, 0, axis.samples);
    axis.to = clamp((int)ceil(((float)extent - first) / step) + 2, axis.from, axis.samples);
  }
  return axis;
}

__kernel void roi_align(__global const P_TYPE* restrict x, __global const float* restrict rois,
                        __global const P_INDEX* restrict items, __global P_TYPE* restrict y, int count, int groups,
                        int batch, int height, int width, int binsY, int binsX, float scale, int halfPixel, int sampling, int block, int xBase,
                        int xBatch, int rBase, int rBatch, int iBase, int iBatch, int yBase, int yBatch) {
  const int i = get_global_id(0);
  if (i >= count) return;
  const int positions = binsY * binsX, chunks = (groups + P_CHUNK - 1) / P_CHUNK;
  const int p = i % positions, chunk = i / positions % chunks, r = i / (positions * chunks);
  const int n = (int)clamp(items[iBase + r * iBatch], (P_INDEX)0, (P_INDEX)(batch - 1));
  __global const float* roi = rois + rBase + r * rBatch;
  const RoiAxis v = roiAxis(roi[1], roi[3], scale, halfPixel, sampling, binsY, p / binsX, height);
  const RoiAxis h = roiAxis(roi[0], roi[2], scale, halfPixel, sampling, binsX, p % binsX, width);
  FLOATS(P_WIDTH) results[P_CHUNK];
  for (int k = 0; k < P_CHUNK; ++k) results[k] = (FLOATS(P_WIDTH))(P_MAX ? -INFINITY : 0.0f);
  // Where samples are left out, or lie outside, they count as zeros.
  int zeros = v.to - v.from < v.samples || h.to - h.from < h.samples;
  for (int iy = v.from; iy < v.to; ++iy) {
    const float sy = sampleAt(v, p / binsX, iy);
    for (int ix = h.from; ix < h.to; ++ix) {
      const float sx = sampleAt(h, p % binsX, ix);
      if (sy < -1.0f || sy > (float)height || sx < -1.0f || sx > (float)width) {
        zeros = 1;
        continue;
      }
      const float ay = fmax(sy, 0.0f), ax = fmax(sx, 0.0f);
      const int y0 = min((int)ay, height - 1), x0 = min((int)ax, width - 1);
      const int y1 = min(y0 + 1, height - 1), x1 = min(x0 + 1, width - 1);
      const float ly = y0 < height - 1 ? ay - (float)y0 : 0.0f, lx = x0 < width - 1 ? ax - (float)x0 : 0.0f;
      const float hy = 1.0f - ly, hx = 1.0f - lx;
      for (int k = 0; k < P_CHUNK; ++k) {
        const int g = chunk * P_CHUNK + k;
        if (g >= groups) break;
        const int from = imageOffset(n, g * P_WIDTH, 0, height * width, block, xBase, xBatch);
        const FLOATS(P_WIDTH) a = hy * hx * LOAD(P_TYPE, P_WIDTH, x, from + (y0 * width + x0) * block);
        const FLOATS(P_WIDTH) b = hy * lx * LOAD(P_TYPE, P_WIDTH, x, from + (y0 * width + x1) * block);
        const FLOATS(P_WIDTH) c = ly * hx * LOAD(P_TYPE, P_WIDTH, x, from + (y1 * width + x0) * block);
        const FLOATS(P_WIDTH) d = ly * lx * LOAD(P_TYPE, P_WIDTH, x, from + (y1 * width + x1) * block);
#if P_MAX
        results[k] = fmax(results[k], fmax(fmax(a, b), fmax(c, d)));
#else
        results[k] += a + b + c + d;
#endif
      }
    }
  }
  for (int k = 0; k < P_CHUNK; ++k) {
    const int g = chunk * P_CHUNK + k;
    if (g >= groups) break;
    FLOATS(P_WIDTH) value = results[k];
    if (v.samples <= 0 || h.samples <= 0)
      value = (FLOATS(P_WIDTH))(0.0f);
    else if (P_MAX)
      value = zeros ? fmax(value, (FLOATS(P_WIDTH))(0.0f)) : value;
    else
      value = exactDivide(value, (float)v.samples * (float)h.samples);
    STORE(P_TYPE, P_WIDTH, value, y, imageOffset(r, g * P_WIDTH, p, positions, block, yBase, yBatch));
  }
}
