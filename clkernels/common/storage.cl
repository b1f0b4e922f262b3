// Loads and stores of operands kept in memory as float or half; arithmetic is in float.
//
// LOAD1(TYPE, p, i), LOAD4(TYPE, p, i), STORE1(TYPE, v, p, i), STORE4(TYPE, v, p, i) with TYPE float or half, p a global
// pointer, i an element index. The 4-wide ones take i a multiple of 4 with p + i aligned to four elements.
#ifndef STORAGE_CL
#define STORAGE_CL
#define LOAD1_(TYPE, p, i) load1_##TYPE(p, i)
#define LOAD4_(TYPE, p, i) load4_##TYPE(p, i)
#define STORE1_(TYPE, v, p, i) store1_##TYPE(v, p, i)
#define STORE4_(TYPE, v, p, i) store4_##TYPE(v, p, i)
#define LOAD1(TYPE, p, i) LOAD1_(TYPE, p, i)
#define LOAD4(TYPE, p, i) LOAD4_(TYPE, p, i)
#define STORE1(TYPE, v, p, i) STORE1_(TYPE, v, p, i)
#define STORE4(TYPE, v, p, i) STORE4_(TYPE, v, p, i)

static inline float load1_float(__global const float* p, int i) { return p[i]; }
static inline float4 load4_float(__global const float* p, int i) { return *(__global const float4*)(p + i); }
static inline void store1_float(float v, __global float* p, int i) { p[i] = v; }
static inline void store4_float(float4 v, __global float* p, int i) { *(__global float4*)(p + i) = v; }
static inline float load1_half(__global const half* p, int i) { return vload_half(i, p); }
static inline float4 load4_half(__global const half* p, int i) { return vload_half4(0, p + i); }
static inline void store1_half(float v, __global half* p, int i) { vstore_half_rte(v, i, p); }
static inline void store4_half(float4 v, __global half* p, int i) { vstore_half4_rte(v, 0, p + i); }
#endif
