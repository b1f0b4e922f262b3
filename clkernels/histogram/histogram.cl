// histogram: the largest finite |x|, and counts of |x| in equal bins up to the next power of two above it.
//
// x by common/index.cl (any block; padding lanes hold zeros and are not counted); y[bin]; largest[0]. partial[group*BINS + bin];
// tops[group]: the largest of a group's part. Infinities and NaN are not counted.
// P_BITS   bins are 2^P_BITS
// P_GROUP  work-items of a group, a power of two
//
// Every limit is above what it bounds and never below 2^-100, so bins are exact: floor(floor(2 b) / 2) = floor(b) makes two
// neighbours one bin of twice the limit.
#include "common/index.cl"

#if !defined(P_BITS) || !defined(P_GROUP)
#error "histogram needs all of its P_ defines"
#endif
#define BINS (1 << P_BITS)

// e of the limit 2^e.
static inline int exponentAbove(float largest) { return max((as_int(largest) >> 23) - 126, -100); }

// Bins per unit of |x|: 2^128 itself is no float, this is one for every limit.
static inline float binRate(int exponent) { return as_float((127 + P_BITS - exponent) << 23); }

static inline float magnitude(float v) {
  const float a = fabs(v);
  return a < INFINITY ? a : 0.0f;  // false for NaN, too
}

static inline void reduceGroup(float top, __local float* shared, __global float* result) {
  const int l = get_local_id(0);
  shared[l] = top;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = P_GROUP / 2; step > 0; step /= 2) {
    if (l < step) shared[l] = fmax(shared[l], shared[l + step]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (l == 0) *result = shared[0];
}

// Many work-items a group: the largest first, then counts, then their sums.
__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void histogram_tops(
    __global const float* restrict x, __global float* restrict tops, int base, int item, int batch, int items) {
  __local float shared[P_GROUP];
  float top = 0.0f;
  for (int n = 0; n < items; ++n)
    for (int i = get_global_id(0); i < item; i += get_global_size(0)) top = fmax(top, magnitude(x[base + n * batch + i]));
  reduceGroup(top, shared, tops + get_group_id(0));
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void histogram_largest(__global const float* restrict tops,
                                                                                   __global float* restrict largest,
                                                                                   int count) {
  __local float shared[P_GROUP];
  float top = 0.0f;
  for (int i = get_local_id(0); i < count; i += P_GROUP) top = fmax(top, tops[i]);
  reduceGroup(top, shared, largest);
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void histogram_partial(
    __global const float* restrict x, __global const float* restrict largest, __global int* restrict partial, int items,
    int channels, int plane, int block, int base, int batch) {
  __local int counts[BINS];
  for (int b = get_local_id(0); b < BINS; b += P_GROUP) counts[b] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  const float rate = binRate(exponentAbove(largest[0]));
  const int blocks = (channels + block - 1) / block, item = blocks * plane * block;
  for (int n = 0; n < items; ++n)
    for (int i = get_global_id(0); i < item; i += get_global_size(0)) {
      const int channel = i / (plane * block) * block + i % block;
      const float a = fabs(x[base + n * batch + i]);
      if (channel < channels && a < INFINITY) atomic_inc(&counts[(int)(a * rate)]);
    }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int b = get_local_id(0); b < BINS; b += P_GROUP) partial[get_group_id(0) * BINS + b] = counts[b];
}

__kernel void histogram_sum(__global const int* restrict partial, __global int* restrict y, int groups) {
  const int b = get_global_id(0);
  if (b >= BINS) return;
  int sum = 0;
  for (int g = 0; g < groups; ++g) sum += partial[g * BINS + b];
  y[b] = sum;
}

// CPUs: one work-item a group. It looks for the largest of a chunk, which the caches hold, and then counts it. The limit grows
// with what it meets, and the bins so far are merged then.
#define CHUNK 32768
#define ROW 1024

// Magnitudes of finite numbers are in the order of their bits.
static inline float largestOf(__global const float* v, int count) {
  int16 tops = (int16)(0), tops1 = tops;
  int i = 0;
  for (; i + 32 <= count; i += 32) {
    const int16 a = as_int16(fabs(vload16(0, v + i))), b = as_int16(fabs(vload16(0, v + i + 16)));
    tops = max(tops, select(a, (int16)(0), a >= (int16)(0x7f800000)));
    tops1 = max(tops1, select(b, (int16)(0), b >= (int16)(0x7f800000)));
  }
  float top = 0.0f;
  for (; i < count; ++i) top = fmax(top, magnitude(v[i]));
  const int8 eight = max(max(tops, tops1).lo, max(tops, tops1).hi);
  const int4 four = max(eight.lo, eight.hi);
  const int2 two = max(four.lo, four.hi);
  return fmax(top, as_float(max(two.x, two.y)));
}

static inline void mergeBins(__local int* counts, int shift) {
  for (int b = 1; b < BINS; ++b) {
    const int count = counts[b];
    counts[b] = 0;
    counts[b >> shift] += count;
  }
}

// Neighbouring lanes count in two tables, and zeros, of which there are many, in a place for each lane: a counter that was
// just written is slow to read. What is no number or no channel goes to the places behind.
#define ZEROS BINS
#define NOTHING (BINS + 16)
#define PLACES (BINS + 32)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void histogram_alone(
    __global const float* restrict x, __global int* restrict partial, __global float* restrict tops, int items,
    int channels, int plane, int block, int base, int batch) {
  __local int even[PLACES], odd[PLACES], places[ROW];
  for (int b = 0; b < PLACES; ++b) even[b] = odd[b] = 0;
  const int blocks = (channels + block - 1) / block, item = blocks * plane * block;
  const int whole = channels / block * plane * block, lanes = channels % block;  // padding lanes from `whole` on
  const int runs = (item + 15) / 16, part = (runs + get_num_groups(0) - 1) / get_num_groups(0);
  const int begin = get_group_id(0) * part * 16, end = min(begin + part * 16, item);
  const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  float largest = 0.0f;
  int exponent = exponentAbove(largest);
  for (int n = 0; n < items; ++n)
    for (int first = begin; first < end; first += CHUNK) {
      __global const float* from = x + base + n * batch;
      const int next = min(first + CHUNK, end);
      const float top = largestOf(from + first, next - first);
      if (top > largest) {
        const int shift = min(exponentAbove(top) - exponent, P_BITS);
        if (shift > 0 && largest > 0.0f) {
          mergeBins(even, shift);
          mergeBins(odd, shift);
        }
        largest = top;
        exponent = exponentAbove(top);
      }
      const float rate = binRate(exponent);
      int i = first;
      for (int row; (row = min(next - i, ROW) / 16 * 16) > 0; i += row) {
        // All places first: what was just written as a vector is slow to read element by element.
        for (int k = 0; k < row; k += 16) {
          const float16 a = fabs(vload16(0, from + i + k));
          const int16 element = lane + (i + k), finite = a < (float16)(INFINITY);
          const int16 counted = finite & ((element < (int16)(whole)) | ((element & (block - 1)) < (int16)(lanes)));
          const int16 bin = convert_int16(select((float16)(0.0f), a * rate, finite));
          vstore16(select(NOTHING + lane, select(bin, ZEROS + lane, bin == 0), counted), 0, places + k);
        }
        for (int k = 0; k < row; k += 16) {
#pragma unroll
          for (int j = 0; j < 16; j += 2) {
            ++even[places[k + j]];
            ++odd[places[k + j + 1]];
          }
        }
      }
      for (; i < next; ++i) {
        const float a = fabs(from[i]);
        if ((i < whole || i % block < lanes) && a < INFINITY) ++even[(int)(a * rate)];
      }
    }
  __global int* to = partial + get_group_id(0) * BINS;
  for (int b = 0; b < BINS; ++b) to[b] = even[b] + odd[b];
  for (int k = 0; k < 16; ++k) to[0] += even[ZEROS + k] + odd[ZEROS + k];
  tops[get_group_id(0)] = largest;
}

// The groups' bins at the limit of the largest of all; a work-item for each JOINED bins.
#define JOINED 256

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void histogram_join(
    __global const int* restrict partial, __global const float* restrict tops, __global int* restrict y,
    __global float* restrict largest, int groups) {
  const int begin = get_global_id(0) * JOINED;
  float top = 0.0f;
  for (int g = 0; g < groups; ++g) top = fmax(top, tops[g]);
  const int exponent = exponentAbove(top);
  int sums[JOINED];
  for (int b = 0; b < JOINED; ++b) sums[b] = 0;
  for (int g = 0; g < groups; ++g) {
    const int shift = min(exponent - exponentAbove(tops[g]), P_BITS), from = begin << shift;
    __global const int* counts = partial + g * BINS + from;
    if (shift == 0)
      for (int b = 0; b < JOINED; ++b) sums[b] += counts[b];
    else
      for (int b = 0; b < min(JOINED << shift, BINS - from); ++b) sums[b >> shift] += counts[b];
  }
  for (int b = 0; b < JOINED; ++b) y[begin + b] = sums[b];
  if (begin == 0) largest[0] = top;
}
