// dot4(a, b, acc) = acc + a0*b0 + a1*b1 + a2*b2 + a3*b3 on signed bytes packed in 32 bits (byte 0 lowest), products exact,
// sums modulo 2^32: DP4A.
//
// D_DOT4  the body, chosen by probing the device (runtime/cl/dot4_probe.cpp):
//   0 emulation, plain OpenCL C
//   1 cl_khr_integer_dot_product
//   2 cl_arm_integer_dot_product_accumulate_int8
//   3 AMD's sdot4 instruction builtin
//   4 NVIDIA PTX dp4a
//   5 x86 AVX-512 VNNI: vectors only (dot4x16, and dot4x16OfPositive without a bias); single values are emulated
//   6 x86 AVX2: vectors only, by another instruction where no code is negative (dot4x16OfPositive)
#ifndef D_DOT4
#error "D_DOT4 names the body of dot4"
#endif

#if D_DOT4 == 1
#pragma OPENCL EXTENSION cl_khr_integer_dot_product : enable
static inline int dot4(int a, int b, int acc) { return acc + dot_4x8packed_ss_int(as_uint(a), as_uint(b)); }
#elif D_DOT4 == 2
#pragma OPENCL EXTENSION cl_arm_integer_dot_product_accumulate_int8 : enable
static inline int dot4(int a, int b, int acc) { return arm_dot_acc(as_char4(a), as_char4(b), acc); }
#elif D_DOT4 == 3
static inline int dot4(int a, int b, int acc) { return __builtin_amdgcn_sdot4(a, b, acc, false); }
#elif D_DOT4 == 4
static inline int dot4(int a, int b, int acc) {
  asm("dp4a.s32.s32 %0, %1, %2, %0;" : "+r"(acc) : "r"(a), "r"(b));
  return acc;
}
#else
static inline int dot4(int a, int b, int acc) {
  const char4 x = as_char4(a), y = as_char4(b);
  const uint sum = (uint)(x.s0 * y.s0) + (uint)(x.s1 * y.s1) + (uint)(x.s2 * y.s2) + (uint)(x.s3 * y.s3);
  return as_int(as_uint(acc) + sum);
}
#endif

// Sixteen lanes at once, each four codes of `a` times four of `b`: dot4x16(a ^ CODE_BIAS, b, acc) per lane. vpdpbusd
// multiplies unsigned by signed bytes: with `a` biased by 128 (0x80 flipped in each byte) the result is 128 * (sum of b's
// bytes) too large per lane, which the caller takes off once: exact modulo 2^32. Elsewhere nothing is biased.
// BIASED_CODES  1: the caller has to bias and to take off; 0: CODE_BIAS is 0
#if D_DOT4 == 5
#define BIASED_CODES 1
#define CODE_BIAS 0x80808080u
static inline int16 dot4x16(uint16 biased, int16 b, int16 acc) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(biased), "v"(b));
  return acc;
}
// The same of codes that are not biased, none of which is negative.
static inline int16 dot4x16OfPositive(uint16 codes, int16 b, int16 acc) { return dot4x16(codes, b, acc); }
#else
#define BIASED_CODES 0
#define CODE_BIAS 0u
#if D_DOT4 == 6
static inline int8 pairs8(int8 a, int8 b) {
  int8 products;
  __asm__("vpmaddwd %2, %1, %0" : "=x"(products) : "x"(a), "x"(b));
  return products;
}
// Signed: pairs of codes widened to 16 bits, exact for every byte; two vpmaddwd and two vpaddd for 32 multiply-adds, and what
// takes codes apart, which is shared with neighbours. (vpmaddubsw of |a| and b * sign(a) takes as many, and fails for -128.)
static inline int8 evenCodes(int8 codes) { return as_int8((short16)((as_short16(codes) << 8) >> 8)); }
static inline int8 oddCodes(int8 codes) { return as_int8((short16)(as_short16(codes) >> 8)); }
static inline int8 dot4x8(int8 a, int8 b, int8 acc) {
  return acc + (pairs8(evenCodes(a), evenCodes(b)) + pairs8(oddCodes(a), oddCodes(b)));
}
static inline int16 dot4x16(uint16 codes, int16 b, int16 acc) {
  const int16 a = as_int16(codes);
  return (int16)(dot4x8(a.lo, b.lo, acc.lo), dot4x8(a.hi, b.hi, acc.hi));
}
// The same where no code of `a` is negative, as behind a ReLU: vpmaddubsw, vpmaddwd, vpaddd. Exact for every b, since
// 2 * 127 * 128 fits 16 bits.
static inline int8 dot4x8OfPositive(int8 a, int8 b, int8 acc) {
  int8 sums;
  __asm__("vpmaddubsw %2, %1, %0" : "=x"(sums) : "x"(a), "x"(b));
  return acc + pairs8(sums, (int8)(0x00010001));
}
static inline int16 dot4x16OfPositive(uint16 codes, int16 b, int16 acc) {
  const int16 a = as_int16(codes);
  return (int16)(dot4x8OfPositive(a.lo, b.lo, acc.lo), dot4x8OfPositive(a.hi, b.hi, acc.hi));
}
#else
static inline int16 dot4x16(uint16 codes, int16 b, int16 acc) {
  const int16 a = as_int16(codes);
  return acc + (a << 24 >> 24) * (b << 24 >> 24) + (a << 16 >> 24) * (b << 16 >> 24) + (a << 8 >> 24) * (b << 8 >> 24) +
         (a >> 24) * (b >> 24);
}
#endif
#endif

// Sixteen lanes of two 16-bit integers times two, the sums modulo 2^32.
static inline int16 dot2x16(uint16 a, int16 b, int16 acc) {
#if D_DOT4 == 5
  __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
  return acc;
#else
#if D_DOT4 == 6
  const int16 x = as_int16(a);
  const int16 products = (int16)(pairs8(x.lo, b.lo), pairs8(x.hi, b.hi));
#else
  const int16 x = as_int16(a), products = (x << 16 >> 16) * (b << 16 >> 16) + (x >> 16) * (b >> 16);
#endif
  return as_int16(as_uint16(acc) + as_uint16(products));
#endif
}
