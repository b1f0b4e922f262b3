// resize: interpolation along up to three neighbouring axes by tables of cells and weights (runtime/ops/resize_axis.hpp).
//
// A work-item computes P_WIDTH neighbours of the extent inside the resized ones (a channel block's lanes, or channels
// that come last); layouts:
//   x[xBase + n*xBatch + outer*xOuter + c0*xs0 + c1*xs1 + c2*xs2 + inner], y alike
// cells and weights hold the entries of the three axes one after the other, P_TAPS0..2 per output coordinate; cell -1:
// the coordinate lies outside, the output is `extrapolation`.
// P_TAPS0, P_TAPS1, P_TAPS2  taps per axis: 1, 2, 4, or more where an axis shrinks with antialiasing
// Linear interpolation is a sum of (weight * weight) * cell, every operation rounded on its own, as other runtimes compute
// it: integers are cut from it.
// P_WIDTH  neighbours of a value
// P_TYPE      type of x and y: any of common/operand.cl, integers rounded toward zero
// P_PICK   1: values are picked (P_WIDTH 1, one tap), so that integers stay what they are
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"

#if !defined(P_TAPS0) || !defined(P_TAPS1) || !defined(P_TAPS2) || !defined(P_WIDTH) || !defined(P_TYPE) || !defined(P_PICK)
#error "resize needs P_TAPS0, P_TAPS1, P_TAPS2, P_WIDTH, P_TYPE and P_PICK"
#endif
#if P_PICK
#define VALUE NUMBERS(P_TYPE, P_WIDTH)
#define VALUE_AT(p, i) LOAD_NUMBERS(P_TYPE, P_WIDTH, p, i)
#define STORE_VALUE(v, p, i) STORE_NUMBERS(P_TYPE, P_WIDTH, v, p, i)
#else
#define VALUE FLOATS(P_WIDTH)
#define VALUE_AT(p, i) LOAD(P_TYPE, P_WIDTH, p, i)
#define STORE_VALUE(v, p, i) STORE(P_TYPE, P_WIDTH, v, p, i)
#endif

__kernel void resize(__global const P_TYPE* restrict x, __global const int* restrict cells,
                     __global const float* restrict weights, __global P_TYPE* restrict y, int count, int inner,
                     int out0, int out1, int out2, int outers, int xOuter, int xs0, int xs1, int xs2, int yOuter,
                     int ys0, int ys1, int ys2, float extrapolation, int xBase, int xBatch, int yBase, int yBatch) {
  int i = get_global_id(0);
  if (i >= count) return;
  const int within = i % (inner / P_WIDTH) * P_WIDTH;
  i /= inner / P_WIDTH;
  const int o2 = i % out2, o1 = i / out2 % out1, o0 = i / (out2 * out1) % out0;
  const int outer = i / (out2 * out1 * out0) % outers, n = i / (out2 * out1 * out0 * outers);
  const int e0 = o0 * P_TAPS0, e1 = out0 * P_TAPS0 + o1 * P_TAPS1, e2 = out0 * P_TAPS0 + out1 * P_TAPS1 + o2 * P_TAPS2;

  VALUE v = (VALUE)(extrapolation);
  if (cells[e0] >= 0 && cells[e1] >= 0 && cells[e2] >= 0) {
    const int base = xBase + n * xBatch + outer * xOuter + within;
#if P_TAPS0 * P_TAPS1 * P_TAPS2 == 1
    v = VALUE_AT(x, base + cells[e0] * xs0 + cells[e1] * xs1 + cells[e2] * xs2);
#else
    v = (VALUE)(0.0f);
    for (int t0 = 0; t0 < P_TAPS0; ++t0)
      for (int t1 = 0; t1 < P_TAPS1; ++t1) {
        const int line = base + cells[e0 + t0] * xs0 + cells[e1 + t1] * xs1;
#if P_TAPS0 * P_TAPS1 * P_TAPS2 <= 8
        for (int t2 = 0; t2 < P_TAPS2; ++t2)
          v += weights[e0 + t0] * weights[e1 + t1] * weights[e2 + t2] * VALUE_AT(x, line + cells[e2 + t2] * xs2);
#else
        VALUE sum = (VALUE)(0.0f);
        for (int t2 = 0; t2 < P_TAPS2; ++t2) sum += weights[e2 + t2] * VALUE_AT(x, line + cells[e2 + t2] * xs2);
        v += weights[e0 + t0] * weights[e1 + t1] * sum;
#endif
      }
#endif
  }
  STORE_VALUE(v, y, yBase + n * yBatch + outer * yOuter + o0 * ys0 + o1 * ys1 + o2 * ys2 + within);
}
