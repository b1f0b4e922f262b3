// pool: maximum, mean or p-norm of the cells under a sliding window; a work-item per output position and channel vector.
//
// Layouts by common/index.cl: x and y share one channel block B. A work-item takes T_V consecutive lanes of a block
// (T_V = 1, or B): element (position p, lane l) of block b of item n lies at base + n*batch + (b*plane + p)*B + l.
// Padding lanes hold zeros in x, so every mode gives zeros there.
// P_TYPE   element type: float, half, or (maximum only) char, uchar, int, long
// P_MODE   0 maximum, 1 mean, 2 p-norm
// P_WHOLE  1: integers, which have no infinity; P_CODES  1: char
// P_FIXED  1: the window's numbers are macros P_IN_D and on, so that loops over its cells are unrolled and their loads are under way
//          together; 0: arguments
// D_MAX16  1: PTX has max.s16x2 (compute capability 9.0 on), by which the maximum of codes takes three operations for four of them; 2:
//          the same in plain OpenCL C, which only tests take; 0: neither
// P_INDICES  0 none, 1 flat index of the maximum, 2 the same with the spatial extents in column-major order (T_V = 1)
#pragma OPENCL FP_CONTRACT OFF
#include "common/operand.cl"
#define VALUE NUMBERS(P_TYPE, T_V)

#if P_MODE == 1
#include "common/exact_divide.cl"
#elif P_MODE == 2
#define MATH_WIDTH T_V
#include "common/defined_math.cl"
#define ROOT_(width) definedSqrt_##width
#define ROOT(width) ROOT_(width)
#endif

// The maximum of sixteen codes, so far. Two at a time as 16-bit integers: the lower byte of each decides between equal upper ones only.
// Those in lower bytes are shifted into upper ones.
#define BY_PAIRS (D_MAX16 && P_MODE == 0 && P_CODES && T_V == 16 && !P_INDICES)
#if BY_PAIRS
typedef struct {
  uint upper[4], lower[4];
} Largest;
static inline uint largerPairs(uint a, uint b) {
#if D_MAX16 == 2
  return as_uint(max(as_short2(a), as_short2(b)));
#else
  uint larger;
  asm("max.s16x2 %0, %1, %2;" : "=r"(larger) : "r"(a), "r"(b));
  return larger;
#endif
}
static inline void addCodes(Largest* l, uint4 codes) {
  const uint words[4] = {codes.s0, codes.s1, codes.s2, codes.s3};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    l->upper[i] = largerPairs(l->upper[i], words[i]);
    l->lower[i] = largerPairs(l->lower[i], words[i] << 8);
  }
}
static inline uint4 codesOf(const Largest* l) {
  uint words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) words[i] = l->upper[i] & 0xff00ff00u | l->lower[i] >> 8 & 0x00ff00ffu;
  return (uint4)(words[0], words[1], words[2], words[3]);
}
#define LEAST_CODES 0x80808080u
#endif

#if P_FIXED
#define WINDOW_NUMBERS
#define inD P_IN_D
#define inH P_IN_H
#define inW P_IN_W
#define outD P_OUT_D
#define outH P_OUT_H
#define outW P_OUT_W
#define kernelD P_KERNEL_D
#define kernelH P_KERNEL_H
#define kernelW P_KERNEL_W
#define strideD P_STRIDE_D
#define strideH P_STRIDE_H
#define strideW P_STRIDE_W
#define dilationD P_DILATION_D
#define dilationH P_DILATION_H
#define dilationW P_DILATION_W
#define padD P_PAD_D
#define padH P_PAD_H
#define padW P_PAD_W
#define endD P_END_D
#define endH P_END_H
#define endW P_END_W
#else
#define WINDOW_NUMBERS \
  int inD, int inH, int inW, int outD, int outH, int outW, int kernelD, int kernelH, int kernelW, \
  int strideD, int strideH, int strideW, int dilationD, int dilationH, int dilationW, \
  int padD, int padH, int padW, int endD, int endH, int endW,
#endif

__kernel void pool(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, __global long* restrict indices, int block,
                   int channels, WINDOW_NUMBERS int countPads, float power, int xBase, int xBatch, int yBase,
                   int yBatch) {
  const int perPosition = block / T_V, i = get_global_id(0), b = get_global_id(1), n = get_global_id(2);
  const int p = i / perPosition, lane = i % perPosition * T_V, outPlane = outD * outH * outW;
  if (p >= outPlane) return;
  const int w = p % outW, h = p / outW % outH, d = p / (outW * outH), inPlane = inD * inH * inW;
  const int d0 = d * strideD - padD, h0 = h * strideH - padH, w0 = w * strideW - padW;
  __global const P_TYPE* plane = x + xBase + n * xBatch + b * inPlane * block + lane;
#if BY_PAIRS
  Largest largest = {{LEAST_CODES, LEAST_CODES, LEAST_CODES, LEAST_CODES}, {LEAST_CODES, LEAST_CODES, LEAST_CODES, LEAST_CODES}};
#endif
  VALUE result = (VALUE)(0);
  int inside = 0, padded = 0, best = -1;
  for (int kd = 0; kd < kernelD; ++kd)
    for (int kh = 0; kh < kernelH; ++kh)
      for (int kw = 0; kw < kernelW; ++kw) {
        const int id = d0 + kd * dilationD, ih = h0 + kh * dilationH, iw = w0 + kw * dilationW;
        padded += id < inD + endD && ih < inH + endH && iw < inW + endW;
        const int there = id >= 0 && id < inD && ih >= 0 && ih < inH && iw >= 0 && iw < inW;
        const int at = there ? (id * inH + ih) * inW + iw : 0;
        // No branch around the load, so that those of all cells are under way together.
#if BY_PAIRS
        const uint4 codes = *(__global const uint4*)(plane + at * block);
        addCodes(&largest, there ? codes : (uint4)(LEAST_CODES));
#else
        const VALUE v = LOAD_NUMBERS(P_TYPE, T_V, plane, at * block);  // blocks lie at multiples of their size
#if P_MODE == 0
#if P_INDICES
        const int leads = inside == 0 || v > result || (v != v && result == result);
        best = there && leads ? (P_INDICES == 1 ? at : (iw * inH + ih) * inD + id) : best;
#endif
        const VALUE next = inside == 0 ? v : (v > result || v != v ? v : result);  // NaN stays
#elif P_MODE == 1
        const VALUE next = result + v;
#else
        const VALUE next = result + (power == 2.0f ? v * v : pow(fabs(v), (VALUE)(power)));
#endif
        result = there ? next : result;
#endif
        inside += there;
      }
#if BY_PAIRS
  *(__global uint4*)(y + (yBase + n * yBatch + (b * outPlane + p) * block + lane)) = inside ? codesOf(&largest) : (uint4)(0);
#else
#if P_MODE == 0 && !P_WHOLE
  if (inside == 0) result = (VALUE)(-INFINITY);
#elif P_MODE == 1
  result = inside == 0 ? (VALUE)(0) : exactDivide(result, (float)(countPads ? padded : inside));
#elif P_MODE == 2
  result = power == 2.0f ? ROOT(T_V)(result) : pow(result, (VALUE)(1.0f / power));
#endif
  STORE_NUMBERS(P_TYPE, T_V, result, y, yBase + n * yBatch + (b * outPlane + p) * block + lane);
#endif
#if P_INDICES
  indices[(n * channels + b) * outPlane + p] = best < 0 ? 0 : (long)(n * channels + b) * inPlane + best;
#endif
}
