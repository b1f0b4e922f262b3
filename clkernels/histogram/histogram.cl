// histogram: counts of |x| in equal bins, a histogram per work-group, then their sum.
//
// x by common/index.cl (any block; padding lanes are not counted); limit[0]; partial[group*P_BINS + bin];
// y[bin]. P_BINS   bins; P_GROUP  work-items of a group P_ROUND  1: the bins reach to the next power of two
// from the limit on, so that histograms of other limits can be
//          added to this one exactly
// A limit below 2^-100 counts as 0, and everything goes to bin 0: bins per unit would leave the range of
// floats, and devices differ in what they make of the smallest numbers. Infinities and NaN are not counted.
#include "common/index.cl"

#if !defined(P_BINS) || !defined(P_GROUP) || !defined(P_ROUND)
#error "histogram needs all of its P_ defines"
#endif

// Bins per unit of |x|.
static inline float binRate(float limit) {
  if (!(limit >= 0x1p-100f)) return 0.0f;
  if (!P_ROUND) return (float)P_BINS / limit;
  // 2^12 over the power of two, from its exponent: 2^128 itself is no float.
  const int exponent = (as_int(limit) + 0x7fffff) >> 23;
  return as_float((254 + 12 - exponent) << 23) * ((float)P_BINS / 4096.0f);
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void histogram_partial(
    __global const float* restrict x, __global const float* restrict limit, __global int* restrict partial, int items,
    int channels, int plane, int block, int base, int batch) {
  __local int counts[P_BINS];
  for (int b = get_local_id(0); b < P_BINS; b += P_GROUP) counts[b] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  const float rate = binRate(limit[0]);
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

// CPUs: one work-item a group, which counts its part of an item alone; neighbouring lanes count in two tables, since a
// counter that was just written is slow to read. What is no number or no channel goes to a bin of its own.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void histogram_alone(
    __global const float* restrict x, __global const float* restrict limit, __global int* restrict partial, int items,
    int channels, int plane, int block, int base, int batch) {
  __local int even[P_BINS + 1], odd[P_BINS + 1];
  for (int b = 0; b <= P_BINS; ++b) even[b] = odd[b] = 0;
  const float16 rate = (float16)(binRate(limit[0]));
  const int blocks = (channels + block - 1) / block, item = blocks * plane * block;
  const int whole = channels / block * plane * block, lanes = channels % block;  // padding lanes from `whole` on
  const int runs = (item + 15) / 16, part = (runs + get_num_groups(0) - 1) / get_num_groups(0);
  const int begin = get_group_id(0) * part * 16, end = min(begin + part * 16, item);
  for (int n = 0; n < items; ++n) {
    __global const float* from = x + base + n * batch;
    const int fast = max(min(end, whole), begin);
    int i = begin;
    for (; i + 16 <= fast; i += 16) {
      const float16 a = fabs(vload16(0, from + i));
      const int16 bin = convert_int16(fmin(a * rate, (float16)((float)(P_BINS - 1))));
      int at[16];
      vstore16(select((int16)(P_BINS), bin, a < (float16)(INFINITY)), 0, at);
      for (int k = 0; k < 16; k += 2) {
        ++even[at[k]];
        ++odd[at[k + 1]];
      }
    }
    for (; i < end; ++i) {
      const float a = fabs(from[i]);
      if ((i < whole || i % block < lanes) && a < INFINITY) ++even[(int)fmin(a * rate.s0, (float)(P_BINS - 1))];
    }
  }
  for (int b = 0; b < P_BINS; ++b) partial[get_group_id(0) * P_BINS + b] = even[b] + odd[b];
}

__kernel void histogram_sum(__global const int* restrict partial, __global int* restrict y, int groups) {
  const int b = get_global_id(0);
  if (b >= P_BINS) return;
  int sum = 0;
  for (int g = 0; g < groups; ++g) sum += partial[g * P_BINS + b];
  y[b] = sum;
}
