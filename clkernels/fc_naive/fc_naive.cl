// fc_naive: fully connected layer, T_LANES work-items per output element.
//
// Layouts: x[xBase + n*xBatch + i], weights[o*inputs + i] f32, y[n*outputs + o], residual alike.
// x, y, residual: ELEMENT (P_ELEMENT). Epilogue: see common/activation.cl.
// T_LANES, T_ROWS: see common/rows.cl; a row is an output element.
#define PW_WIDTH 1
#include "common/activation.cl"
#define P_WIDTH 1
#include "common/element.cl"
#include "common/rows.cl"

__kernel void fc_naive(__global const ELEMENT* restrict x, __global const float* restrict weights,
                       __global const float* restrict bias, __global const ELEMENT* restrict residual,
                       __global const float* restrict slope, __global ELEMENT* restrict y, __local float* rowScratch, int rows, int inputs,
                       int outputs, int xBase, int xBatch, int yBase, int yBatch, int residualBase,
                       int residualBatch) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int n = row / outputs, o = row % outputs;
  __global const ELEMENT* item = x + xBase + n * xBatch;
  __global const float* filter = weights + o * inputs;
  float sum = 0.0f;
  for (int i = lane; i < (row < rows ? inputs : 0); i += T_LANES) sum += loadElement(item, i) * filter[i];
  sum = ROW_SUM(sum);
  if (lane == 0 && row < rows) {
    const float rest = P_HAS_RESIDUAL ? loadElement(residual, residualBase + n * residualBatch + o) : 0.0f;
    storeElement(epilogue(sum, biasAt(bias, o), rest, slopeAt(slope, o)), y, yBase + n * yBatch + o);
  }
}
