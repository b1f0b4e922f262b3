// What CLBlast's matrix product leaves to do: bias, residual and activation, in place.
//
// Layouts: y[yOffset + n * yBatch + k * P_HW + p], residual likewise; k < P_K output channels, p < P_HW pixels (1 for a
// fully connected layer). One item an element; the range is rounded up.
#define PW_WIDTH 1
#include "common/activation.cl"
#if !defined(P_N) || !defined(P_K) || !defined(P_HW)
#error "clblast_gemm needs P_N, P_K and P_HW"
#endif

__kernel void clblast_epilogue(__global const float* restrict bias, __global const float* restrict residual,
                               __global const float* restrict slope, __global float* restrict y, int yOffset, int yBatch,
                               int rOffset, int rBatch) {
  const int i = get_global_id(0);
  if (i >= P_N * P_K * P_HW) return;
  const int n = i / (P_K * P_HW), inside = i - n * (P_K * P_HW), k = inside / P_HW;
  __global float* at = y + yOffset + n * yBatch + inside;
  *at = epilogueAt(*at, k, rOffset + n * rBatch + inside, bias, residual, slope);
}
