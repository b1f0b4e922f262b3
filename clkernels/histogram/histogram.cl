// histogram: counts of |x| in equal bins, a histogram per work-group, then their sum.
//
// x by common/index.cl (any block; padding lanes are not counted); limit[0]; partial[group*P_BINS + bin]; y[bin].
// P_BINS  bins; P_GROUP  work-items of a group
#include "common/index.cl"

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void histogram_partial(
    __global const float* restrict x, __global const float* restrict limit, __global int* restrict partial, int items,
    int channels, int plane, int block, int base, int batch) {
  __local int counts[P_BINS];
  for (int b = get_local_id(0); b < P_BINS; b += P_GROUP) counts[b] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  const float rate = limit[0] > 0.0f ? (float)P_BINS / limit[0] : 0.0f;
  const int blocks = (channels + block - 1) / block, item = blocks * plane * block;
  for (int n = 0; n < items; ++n)
    for (int i = get_global_id(0); i < item; i += get_global_size(0)) {
      const int channel = i / (plane * block) * block + i % block;
      const float a = fabs(x[base + n * batch + i]);
      if (channel < channels && a < INFINITY) atomic_inc(&counts[(int)fmin(a * rate, (float)(P_BINS - 1))]);
    }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int b = get_local_id(0); b < P_BINS; b += P_GROUP) partial[get_group_id(0) * P_BINS + b] = counts[b];
}

__kernel void histogram_sum(__global const int* restrict partial, __global int* restrict y, int groups) {
  const int b = get_global_id(0);
  if (b >= P_BINS) return;
  int sum = 0;
  for (int g = 0; g < groups; ++g) sum += partial[g * P_BINS + b];
  y[b] = sum;
}
