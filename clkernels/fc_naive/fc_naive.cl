// fc_naive: fully connected layer, T_LANES work-items per output element.
//
// Layouts: x[xBase + n*xBatch + i], weights[o*inputs + i], y[n*outputs + o], residual alike.
// P_T: float or half, all operands in memory but bias and slope; the sum is f32. Epilogue: see common/activation.cl.
// T_LANES, T_ROWS: see common/rows.cl; a row is an output element.
#define PW_WIDTH 1
#include "common/activation.cl"
#include "common/operand.cl"
#include "common/rows.cl"

__kernel void fc_naive(__global const P_T* restrict x, __global const P_T* restrict weights,
                       __global const float* restrict bias, __global const P_T* restrict residual,
                       __global const float* restrict slope, __global P_T* restrict y, __local long* rowScratch, int rows, int inputs,
                       int outputs, int xBase, int xBatch, int yBase, int yBatch, int residualBase,
                       int residualBatch) {
  const int row = get_global_id(1), lane = get_global_id(0);
  const int n = row / outputs, o = row % outputs;
  __global const P_T* item = x + xBase + n * xBatch;
  __global const P_T* filter = weights + o * inputs;
  float sum = 0.0f;
  for (int i = lane; i < (row < rows ? inputs : 0); i += T_LANES) sum += LOAD(P_T, 1, item, i) * LOAD(P_T, 1, filter, i);
  sum = ROW_SUM(sum);
  if (lane == 0 && row < rows) {
    const float rest = P_HAS_RESIDUAL ? LOAD(P_T, 1, residual, residualBase + n * residualBatch + o) : 0.0f;
    STORE(P_T, 1, epilogue(sum, biasAt(bias, o), rest, slopeAt(slope, o)), y, yBase + n * yBatch + o);
  }
}
