// roofline: what a device gives at best. Each kernel does nothing but one kind of operation, on independent accumulators
// in registers, so that its rate is the ceiling every other kernel is measured against.
//
// P_KIND    0 fp32 fma, 1 packed half fma, 2 mma f16, 3 mma s8, 4 copy, 5 nothing (a launch)
// P_LANES   kind 0: floats in a value: 1, 4, 8 or 16
// P_VALUES  accumulators per work-item
// P_ROUNDS  dependent operations on each of them
// D_PTX     1: NVIDIA inline PTX
#if !defined(P_KIND) || !defined(P_LANES) || !defined(P_VALUES) || !defined(P_ROUNDS) || !defined(D_PTX)
#error "roofline needs P_KIND, P_LANES, P_VALUES, P_ROUNDS and D_PTX"
#endif

#if P_KIND == 0
#if P_LANES == 1
#define VALUE float
#else
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define VALUE CAT(float, P_LANES)
#endif
__kernel void roofline(__global VALUE* y, float a) {
  VALUE x[P_VALUES];
  for (int i = 0; i < P_VALUES; ++i) x[i] = (VALUE)(i + (int)get_global_id(0));
  for (int r = 0; r < P_ROUNDS; ++r) {
#pragma unroll
    for (int i = 0; i < P_VALUES; ++i) x[i] = fma(x[i], (VALUE)(a), (VALUE)(1.0f));
  }
  VALUE sum = (VALUE)(0.0f);
  for (int i = 0; i < P_VALUES; ++i) sum += x[i];
  y[get_global_id(0)] = sum;
}

#elif P_KIND == 1
#if D_PTX
#define HALVES uint
// x * x + a: with a third register to read the H200 starts half as many.
static inline uint halfFma(uint x, uint a) {
  asm volatile("fma.rn.f16x2 %0, %0, %0, %1;" : "+r"(x) : "r"(a));
  return x;
}
#define HALF_OF(number) ((uint)(number) * 0x00010001u)
#else
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define HALVES half2
#define halfFma(x, a) fma(x, x, a)
#define HALF_OF(number) ((half2)(as_half((ushort)(number))))
#endif
// Two halves in a value; 0x3400 is 0.25.
__kernel void roofline(__global HALVES* y, float unused) {
  HALVES x[P_VALUES];
  for (int i = 0; i < P_VALUES; ++i) x[i] = HALF_OF(i + (int)get_global_id(0) % 64);
  const HALVES a = HALF_OF(0x3400);
  for (int r = 0; r < P_ROUNDS; ++r) {
#pragma unroll
    for (int i = 0; i < P_VALUES; ++i) x[i] = halfFma(x[i], a);
  }
  HALVES last = x[0];
  for (int i = 1; i < P_VALUES; ++i) last = halfFma(x[i], last);
  y[get_global_id(0)] = last;
}

#elif P_KIND == 2 || P_KIND == 3
#if P_KIND == 2
// m16n8k16: 4096 operations of a warp, f32 accumulators.
#define SUM float
#define CONSTRAINT "+f"
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
#else
// m16n8k32: 8192 operations of a warp, s32 accumulators.
#define SUM int
#define CONSTRAINT "+r"
#define MMA "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32"
#endif
__kernel void roofline(__global SUM* y, float a) {
  SUM c[P_VALUES][4];
  const uint a0 = as_uint(a) + get_local_id(0), a1 = a0 ^ 3u, b0 = a0 ^ 5u, b1 = a0 ^ 9u;
#pragma unroll
  for (int i = 0; i < P_VALUES; ++i) c[i][0] = c[i][1] = c[i][2] = c[i][3] = i;
  for (int r = 0; r < P_ROUNDS; ++r) {
#pragma unroll
    for (int i = 0; i < P_VALUES; ++i)
      asm volatile(MMA " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                   : CONSTRAINT(c[i][0]), CONSTRAINT(c[i][1]), CONSTRAINT(c[i][2]), CONSTRAINT(c[i][3])
                   : "r"(a0), "r"(a1), "r"(b0), "r"(b1), "r"(a0), "r"(b1));
  }
  SUM sum = 0;
#pragma unroll
  for (int i = 0; i < P_VALUES; ++i) sum += c[i][0] + c[i][1] + c[i][2] + c[i][3];
  y[get_global_id(0)] = sum;
}

#elif P_KIND == 4
__kernel void roofline(__global const float4* restrict x, __global float4* restrict y) {
  y[get_global_id(0)] = x[get_global_id(0)];
}

#else
__kernel void roofline(__global int* y) {
  if (y == 0) return;
}
#endif
