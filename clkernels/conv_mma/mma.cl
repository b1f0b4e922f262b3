// NVIDIA's tensor cores and asynchronous copies, or what they compute in plain OpenCL C.
//
// Both take rows of 16-byte pieces: a piece is 8 halves or 16 codes of neighbouring channels, and one step of the sum takes two
// pieces of a row, 16 halves or 32 codes (PTX ISA, "Matrix Fragments for mma.m16n8k16" and ".m16n8k32"; in bytes they are alike).
// D_MMA   1: PTX of compute capability 8.0 and later, 0: emulated, for devices without, where the index arithmetic is tested
// P_HALF  1: halves, sums in f32; 0: codes, sums in 32-bit integers modulo 2^32
#if !defined(D_MMA) || !defined(P_HALF)
#error "mma.cl needs D_MMA and P_HALF"
#endif
#define PIECE int4
#if P_HALF
#define GEMM_T float
#define GEMM_T4 float4
#else
#define GEMM_T int
#define GEMM_T4 int4
#endif

#if D_MMA
// Copies a piece to local memory behind the item's back; where `present` is 0 zeros, and `from` may point anywhere. Through the
// unit's own cache what is read again soon, or past it.
static inline void copyCached(__local PIECE* to, __global const PIECE* from, int present) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"((uint)(size_t)to), "l"(from), "r"(present ? 16 : 0));
}
static inline void copyPast(__local PIECE* to, __global const PIECE* from, int present) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((uint)(size_t)to), "l"(from), "r"(present ? 16 : 0));
}
#define COMMIT_COPIES() asm volatile("cp.async.commit_group;" ::: "memory")
#define WAIT_FOR_COPIES(newer) asm volatile("cp.async.wait_group %0;" ::"n"(newer) : "memory")

// Four 8x8 matrices of 16-bit elements; lanes 8 m to 8 m + 7 name the rows of matrix m.
static inline void loadFragments(uint address, int* f) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(f[0]), "=r"(f[1]), "=r"(f[2]), "=r"(f[3])
               : "r"(address));
}
#if P_HALF
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
#define IN_OUT "+f"
#else
#define MMA "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
#define IN_OUT "+r"
#endif
static inline void mma(GEMM_T* sums, const int* a, int b0, int b1) {
  asm volatile(MMA "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : IN_OUT(sums[0]), IN_OUT(sums[1]), IN_OUT(sums[2]), IN_OUT(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#else
static inline void copyCached(__local PIECE* to, __global const PIECE* from, int present) { *to = present ? *from : (PIECE)(0); }
#define copyPast copyCached
#define COMMIT_COPIES()
#define WAIT_FOR_COPIES(newer)

// sum + the products of two pieces.
static inline GEMM_T addProducts(__local const PIECE* a, __local const PIECE* b, GEMM_T sum) {
#if P_HALF
  const float8 product = vload_half8(0, (__local const half*)a) * vload_half8(0, (__local const half*)b);
  const float4 quarter = product.lo + product.hi;
  return sum + ((quarter.s0 + quarter.s1) + (quarter.s2 + quarter.s3));
#else
  const int16 product = convert_int16(as_char16(*a)) * convert_int16(as_char16(*b));
  const int8 h = product.lo + product.hi;
  const int4 quarter = h.lo + h.hi;
  return sum + quarter.s0 + quarter.s1 + quarter.s2 + quarter.s3;
#endif
}
#endif
