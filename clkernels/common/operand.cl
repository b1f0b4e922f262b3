// Operands in memory of any element type; values in registers are floats. The one place that knows how half is kept.
//
// TYPE is float, half, char or uchar, WIDTH 1, 2, 4, 8 or 16 neighbours (macros such as P_X and T_V are expanded first), p a
// global pointer to TYPE, i the index of the first element. Values are FLOATS(WIDTH): float, float2 .. float16.
//   LOAD(TYPE, WIDTH, p, i)            p + i aligned to one element
//   LOAD_ALIGNED(TYPE, WIDTH, p, i)    p + i aligned to WIDTH elements
//   STORE(TYPE, WIDTH, v, p, i), STORE_ALIGNED(..)  half: rounded to nearest even; char, uchar: toward zero, saturated
// Kernels that pick, count or add integers leave them whole. TYPE may be int or long there, too:
//   NUMBERS(TYPE, WIDTH)               float for float and half, otherwise TYPE; a vector of it where WIDTH > 1
//   LOAD_NUMBERS(TYPE, WIDTH, p, i)    p + i aligned to WIDTH elements
//   STORE_NUMBERS(TYPE, WIDTH, v, p, i)
//
// Half needs no extension: arithmetic is in float, and vload_half and vstore_half belong to OpenCL C 1.0. Where vectors of
// half are not aligned they move as ushort: some drivers take vload_half<n> as an aligned load, and PoCL's vstore8 and vstore16
// of ushort go element by element, its vload16 by shuffles, which a packed struct does not.
#ifndef OPERAND_CL
#define OPERAND_CL
#define LOAD_(TYPE, WIDTH, p, i) load_##TYPE(WIDTH, p, i)
#define STORE_(TYPE, WIDTH, v, p, i) store_##TYPE(WIDTH, v, p, i)
#define LOAD_ALIGNED_(TYPE, WIDTH, p, i) loada_##TYPE(WIDTH, p, i)
#define STORE_ALIGNED_(TYPE, WIDTH, v, p, i) storea_##TYPE(WIDTH, v, p, i)
#define LOAD(TYPE, WIDTH, p, i) LOAD_(TYPE, WIDTH, p, i)
#define STORE(TYPE, WIDTH, v, p, i) STORE_(TYPE, WIDTH, v, p, i)
#define LOAD_ALIGNED(TYPE, WIDTH, p, i) LOAD_ALIGNED_(TYPE, WIDTH, p, i)
#define STORE_ALIGNED(TYPE, WIDTH, v, p, i) STORE_ALIGNED_(TYPE, WIDTH, v, p, i)

#define load_float(WIDTH, p, i) READ_##WIDTH(p, i)
#define load_half(WIDTH, p, i) readHalf##WIDTH(p, i)
#define load_char(WIDTH, p, i) TO_FLOAT_##WIDTH(READ_##WIDTH(p, i))
#define load_uchar(WIDTH, p, i) TO_FLOAT_##WIDTH(READ_##WIDTH(p, i))
#define store_float(WIDTH, v, p, i) WRITE_##WIDTH(v, p, i)
#define store_half(WIDTH, v, p, i) writeHalf##WIDTH(v, p, i)
#define store_char(WIDTH, v, p, i) WRITE_##WIDTH(NARROW_##WIDTH(char, v), p, i)
#define store_uchar(WIDTH, v, p, i) WRITE_##WIDTH(NARROW_##WIDTH(uchar, v), p, i)

#define loada_float(WIDTH, p, i) AT_##WIDTH(const float, p, i)
#define loada_half(WIDTH, p, i) READ_HALF_##WIDTH(p, i)
#define loada_char(WIDTH, p, i) TO_FLOAT_##WIDTH(AT_##WIDTH(const char, p, i))
#define loada_uchar(WIDTH, p, i) TO_FLOAT_##WIDTH(AT_##WIDTH(const uchar, p, i))
#define storea_float(WIDTH, v, p, i) (AT_##WIDTH(float, p, i) = (v))
#define storea_half(WIDTH, v, p, i) WRITE_HALF_##WIDTH(v, p, i)
#define storea_char(WIDTH, v, p, i) (AT_##WIDTH(char, p, i) = NARROW_##WIDTH(char, v))
#define storea_uchar(WIDTH, v, p, i) (AT_##WIDTH(uchar, p, i) = NARROW_##WIDTH(uchar, v))

#define FLOATS(WIDTH) NUMBERS(float, WIDTH)
#define NUMBERS_(TYPE, WIDTH) numbers_##TYPE(WIDTH)
#define LOAD_NUMBERS_(TYPE, WIDTH, p, i) loadn_##TYPE(WIDTH, p, i)
#define STORE_NUMBERS_(TYPE, WIDTH, v, p, i) storen_##TYPE(WIDTH, v, p, i)
#define NUMBERS(TYPE, WIDTH) NUMBERS_(TYPE, WIDTH)
#define LOAD_NUMBERS(TYPE, WIDTH, p, i) LOAD_NUMBERS_(TYPE, WIDTH, p, i)
#define STORE_NUMBERS(TYPE, WIDTH, v, p, i) STORE_NUMBERS_(TYPE, WIDTH, v, p, i)
#define numbers_float(WIDTH) VECTOR_##WIDTH(float)
#define numbers_half(WIDTH) VECTOR_##WIDTH(float)
#define numbers_char(WIDTH) VECTOR_##WIDTH(char)
#define numbers_uchar(WIDTH) VECTOR_##WIDTH(uchar)
#define numbers_int(WIDTH) VECTOR_##WIDTH(int)
#define numbers_long(WIDTH) VECTOR_##WIDTH(long)
#define loadn_float(WIDTH, p, i) AT_##WIDTH(const float, p, i)
#define loadn_half(WIDTH, p, i) READ_HALF_##WIDTH(p, i)
#define loadn_char(WIDTH, p, i) AT_##WIDTH(const char, p, i)
#define loadn_uchar(WIDTH, p, i) AT_##WIDTH(const uchar, p, i)
#define loadn_int(WIDTH, p, i) AT_##WIDTH(const int, p, i)
#define loadn_long(WIDTH, p, i) AT_##WIDTH(const long, p, i)
#define storen_float(WIDTH, v, p, i) (AT_##WIDTH(float, p, i) = (v))
#define storen_half(WIDTH, v, p, i) WRITE_HALF_##WIDTH(v, p, i)
#define storen_char(WIDTH, v, p, i) (AT_##WIDTH(char, p, i) = (v))
#define storen_uchar(WIDTH, v, p, i) (AT_##WIDTH(uchar, p, i) = (v))
#define storen_int(WIDTH, v, p, i) (AT_##WIDTH(int, p, i) = (v))
#define storen_long(WIDTH, v, p, i) (AT_##WIDTH(long, p, i) = (v))
#define VECTOR_1(TYPE) TYPE
#define VECTOR_2(TYPE) TYPE##2
#define VECTOR_4(TYPE) TYPE##4
#define VECTOR_8(TYPE) TYPE##8
#define VECTOR_16(TYPE) TYPE##16

// One element has functions of other names than vectors have.
#define READ_1(p, i) ((p)[i])
#define WRITE_1(v, p, i) ((p)[i] = (v))
#define AT_1(TYPE, p, i) ((p)[i])
#define TO_FLOAT_1(v) convert_float(v)
#define NARROW_1(TYPE, v) convert_##TYPE##_sat(v)
#define READ_HALF_1(p, i) vload_half(i, p)
#define WRITE_HALF_1(v, p, i) vstore_half_rte(v, i, p)
#define readHalf1 READ_HALF_1
#define writeHalf1 WRITE_HALF_1

#define READ_2(p, i) vload2(0, (p) + (i))
#define READ_4(p, i) vload4(0, (p) + (i))
#define READ_8(p, i) vload8(0, (p) + (i))
#define READ_16(p, i) vload16(0, (p) + (i))
#define WRITE_2(v, p, i) vstore2(v, 0, (p) + (i))
#define WRITE_4(v, p, i) vstore4(v, 0, (p) + (i))
#define WRITE_8(v, p, i) vstore8(v, 0, (p) + (i))
#define WRITE_16(v, p, i) vstore16(v, 0, (p) + (i))
#define AT_2(TYPE, p, i) (*(__global TYPE##2*)((p) + (i)))
#define AT_4(TYPE, p, i) (*(__global TYPE##4*)((p) + (i)))
#define AT_8(TYPE, p, i) (*(__global TYPE##8*)((p) + (i)))
#define AT_16(TYPE, p, i) (*(__global TYPE##16*)((p) + (i)))
#define TO_FLOAT_2(v) convert_float2(v)
#define TO_FLOAT_4(v) convert_float4(v)
#define TO_FLOAT_8(v) convert_float8(v)
#define TO_FLOAT_16(v) convert_float16(v)
#define NARROW_2(TYPE, v) convert_##TYPE##2_sat(v)
#define NARROW_4(TYPE, v) convert_##TYPE##4_sat(v)
#define NARROW_8(TYPE, v) convert_##TYPE##8_sat(v)
#define NARROW_16(TYPE, v) convert_##TYPE##16_sat(v)
#ifdef __NV_CL_C_VERSION
// NVIDIA's compiler moves vectors of half element by element: they move as integers here, and PTX converts.
static inline float widenHalf1(ushort bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
static inline ushort narrowHalf1(float value) {
  ushort bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#define WIDEN_BY_HALVES(N, M)                                                                                              \
  static inline float##N widenHalf##N(ushort##N bits) { return (float##N)(widenHalf##M(bits.lo), widenHalf##M(bits.hi)); }   \
  static inline ushort##N narrowHalf##N(float##N value) {                                                                    \
    return (ushort##N)(narrowHalf##M(value.lo), narrowHalf##M(value.hi));                                                    \
  }
WIDEN_BY_HALVES(2, 1)
WIDEN_BY_HALVES(4, 2)
WIDEN_BY_HALVES(8, 4)
WIDEN_BY_HALVES(16, 8)
#undef WIDEN_BY_HALVES
#define READ_HALF_2(p, i) widenHalf2(AT_2(const ushort, (__global const ushort*)(p), i))
#define READ_HALF_4(p, i) widenHalf4(AT_4(const ushort, (__global const ushort*)(p), i))
#define READ_HALF_8(p, i) widenHalf8(AT_8(const ushort, (__global const ushort*)(p), i))
#define READ_HALF_16(p, i) widenHalf16(AT_16(const ushort, (__global const ushort*)(p), i))
#define WRITE_HALF_2(v, p, i) (AT_2(ushort, (__global ushort*)(p), i) = narrowHalf2(v))
#define WRITE_HALF_4(v, p, i) (AT_4(ushort, (__global ushort*)(p), i) = narrowHalf4(v))
#define WRITE_HALF_8(v, p, i) (AT_8(ushort, (__global ushort*)(p), i) = narrowHalf8(v))
#define WRITE_HALF_16(v, p, i) (AT_16(ushort, (__global ushort*)(p), i) = narrowHalf16(v))
#else
#define WIDEN_IN_REGISTERS(N)                                                                                      \
  static inline float##N widenHalf##N(ushort##N bits) { return vloada_half##N(0, (const half*)&bits); }              \
  static inline ushort##N narrowHalf##N(float##N value) {                                                            \
    ushort##N bits;                                                                                                  \
    vstorea_half##N##_rte(value, 0, (half*)&bits);                                                                   \
    return bits;                                                                                                     \
  }
WIDEN_IN_REGISTERS(2)
WIDEN_IN_REGISTERS(4)
WIDEN_IN_REGISTERS(8)
WIDEN_IN_REGISTERS(16)
#undef WIDEN_IN_REGISTERS
#define READ_HALF_2(p, i) vloada_half2(0, (p) + (i))
#define READ_HALF_4(p, i) vloada_half4(0, (p) + (i))
#define READ_HALF_8(p, i) vloada_half8(0, (p) + (i))
#define READ_HALF_16(p, i) vloada_half16(0, (p) + (i))
#define WRITE_HALF_2(v, p, i) vstorea_half2_rte(v, 0, (p) + (i))
#define WRITE_HALF_4(v, p, i) vstorea_half4_rte(v, 0, (p) + (i))
#define WRITE_HALF_8(v, p, i) vstorea_half8_rte(v, 0, (p) + (i))
#define WRITE_HALF_16(v, p, i) vstorea_half16_rte(v, 0, (p) + (i))
#endif

#define HALF_VECTORS(N)                                                                  \
  typedef struct __attribute__((packed, aligned(2))) {                                   \
    ushort##N bits;                                                                      \
  } Halves##N;                                                                           \
  static inline float##N readHalf##N(__global const half* p, long i) {                   \
    return widenHalf##N(((__global const Halves##N*)(p + i))->bits);                     \
  }                                                                                      \
  static inline void writeHalf##N(float##N v, __global half* p, long i) {                \
    ((__global Halves##N*)(p + i))->bits = narrowHalf##N(v);                             \
  }
HALF_VECTORS(2)
HALF_VECTORS(4)
HALF_VECTORS(8)
HALF_VECTORS(16)
#undef HALF_VECTORS
#endif
