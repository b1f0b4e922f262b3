// abs_max: the largest finite absolute value of a dense tensor, in two steps of a tree.
//
// x[offset + n*batch + i], i < item; partial[group]; y[0]. Padding lanes of blocked tensors hold zeros and do not matter.
// P_GROUP  work-items of a group, a power of two

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

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void abs_max_partial(
    __global const float* restrict x, __global float* restrict partial, int offset, int item, int batch, int items) {
  __local float shared[P_GROUP];
  float top = 0.0f;
  for (int n = 0; n < items; ++n)
    for (int i = get_global_id(0); i < item; i += get_global_size(0)) top = fmax(top, magnitude(x[offset + n * batch + i]));
  reduceGroup(top, shared, partial + get_group_id(0));
}

// CPUs: one work-item a group, sixteen values at a time.
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void abs_max_alone(
    __global const float* restrict x, __global float* restrict partial, int offset, int item, int batch, int items) {
  const int runs = (item + 15) / 16, part = (runs + get_num_groups(0) - 1) / get_num_groups(0);
  const int begin = get_group_id(0) * part * 16, end = min(begin + part * 16, item);
  float16 tops = (float16)(0.0f);
  float top = 0.0f;
  for (int n = 0; n < items; ++n) {
    __global const float* from = x + offset + n * batch;
    int i = begin;
    for (; i + 16 <= end; i += 16) {
      const float16 a = fabs(vload16(0, from + i));
      tops = fmax(tops, select((float16)(0.0f), a, a < (float16)(INFINITY)));
    }
    for (; i < end; ++i) top = fmax(top, magnitude(from[i]));
  }
  const float8 eight = fmax(tops.lo, tops.hi);
  const float4 four = fmax(eight.lo, eight.hi);
  const float2 two = fmax(four.lo, four.hi);
  partial[get_group_id(0)] = fmax(top, fmax(two.x, two.y));
}

__kernel __attribute__((reqd_work_group_size(P_GROUP, 1, 1))) void abs_max_final(__global const float* restrict partial,
                                                                               __global float* restrict y, int count) {
  __local float shared[P_GROUP];
  float top = 0.0f;
  for (int i = get_local_id(0); i < count; i += P_GROUP) top = fmax(top, partial[i]);
  reduceGroup(top, shared, y);
}
