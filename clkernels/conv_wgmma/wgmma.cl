// Hopper's wgmma, its barriers and its bulk copies; include after conv_mma/mma.cl.
//
// wgmma wants a program for sm_90a, and NVIDIA's OpenCL compiles for sm_90: its instructions stand in comments that begin with
// the marker //@ here, which runtime/cl/ptx_target.cpp takes away from the program's binary, PTX. Sums stay in PTX registers of
// names of their own, sums<sub-tile>_<sixteen channels>_<0..7>, that the compiler never sees: it would copy them around every
// instruction, and the assembler would take minutes to find out.
// D_WGMMA  1: PTX of compute capability 9.0a, 0: nothing, the caller emulates
#if !defined(D_WGMMA)
#error "wgmma.cl needs D_WGMMA"
#endif

#if D_WGMMA
#if P_HALF
#define SUM_TYPE "f32"
#define SUM_OUT "=f"
#define WGMMA_DEPTH "k16.f32.f16.f16"
#define WGMMA_END ", 1, 1, 0, 0;"
#else
#define SUM_TYPE "b32"
#define SUM_OUT "=r"
#define WGMMA_DEPTH "k32.s32.s8.s8"
#define WGMMA_END ";"
#endif
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

// The i-th of the sums of sixteen channels (g) of a sub-tile (m), eight of an item.
#define SUM(m, g, i) "sums" #m "_" #g "_" #i
#define SUM8(m, g)                                                                                                   \
  SUM(m, g, 0) ", " SUM(m, g, 1) ", " SUM(m, g, 2) ", " SUM(m, g, 3) ", " SUM(m, g, 4) ", " SUM(m, g, 5) ", " SUM(m, g, 6) ", " \
      SUM(m, g, 7)
#define SUMS_64(m) SUM8(m, 0) ", " SUM8(m, 1) ", " SUM8(m, 2) ", " SUM8(m, 3)
#define SUMS_128(m) SUMS_64(m) ", " SUM8(m, 4) ", " SUM8(m, 5) ", " SUM8(m, 6) ", " SUM8(m, 7)
#define EACH_64(F, m) F(m, 0) F(m, 1) F(m, 2) F(m, 3)
#define EACH_128(F, m) EACH_64(F, m) F(m, 4) F(m, 5) F(m, 6) F(m, 7)
#define SUMS_(M, m) SUMS_##M(m)
#define SUMS(M, m) SUMS_(M, m)
#define EACH_(M, F, m) EACH_##M(F, m)
#define EACH(M, F, m) EACH_(M, F, m)
#if T_SUBS == 1
#define EACH_SUM(F) EACH(T_M, F, 0)
#else
#define EACH_SUM(F) EACH(T_M, F, 0) EACH(T_M, F, 1)
#endif

// Once, at the kernel's beginning.
#define DECLARE_SUM(m, g) asm volatile(".reg ." SUM_TYPE " sums" #m "_" #g "_<8>;");
#define CLEAR(m, g, i) "mov.b32 " SUM(m, g, i) ", 0; "
#define CLEAR_SUM(m, g)                                                                                             \
  asm volatile(CLEAR(m, g, 0) CLEAR(m, g, 1) CLEAR(m, g, 2) CLEAR(m, g, 3) CLEAR(m, g, 4) CLEAR(m, g, 5) CLEAR(m, g, 6) \
                   CLEAR(m, g, 7));
#define READ(m, g, i) "mov.b32 %" #i ", " SUM(m, g, i) "; "
#define READ_SUM(m, g)                                                                                             \
  {                                                                                                                \
    GEMM_T* s = acc[g * T_SUBS + m];                                                                               \
    asm volatile(READ(m, g, 0) READ(m, g, 1) READ(m, g, 2) READ(m, g, 3) READ(m, g, 4) READ(m, g, 5) READ(m, g, 6)    \
                     READ(m, g, 7)                                                                                 \
                 : SUM_OUT(s[0]), SUM_OUT(s[1]), SUM_OUT(s[2]), SUM_OUT(s[3]), SUM_OUT(s[4]), SUM_OUT(s[5]),       \
                   SUM_OUT(s[6]), SUM_OUT(s[7]));                                                                  \
  }

// Adds a sub-tile's sums, times `factor`, to those that the compiler sees.
#define TIMES(m, g, i) "fma.rn.f32 %" #i ", " SUM(m, g, i) ", %8, %" #i "; "
#define ADD_SUM(m, g)                                                                                                       \
  {                                                                                                                         \
    GEMM_T* s = acc[g * T_SUBS + m];                                                                                        \
    asm volatile(TIMES(m, g, 0) TIMES(m, g, 1) TIMES(m, g, 2) TIMES(m, g, 3) TIMES(m, g, 4) TIMES(m, g, 5) TIMES(m, g, 6)    \
                     TIMES(m, g, 7)                                                                                         \
                 : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3]), "+f"(s[4]), "+f"(s[5]), "+f"(s[6]), "+f"(s[7])           \
                 : "f"(factor));                                                                                            \
  }

// Adds the products of 64 pixels and T_M channels over 32 bytes of depth; descriptors of both in local memory. The first of a sum's
// sets it.
#define WGMMA_OF(m, pixels, channels, ADDS)                                                                                \
  asm volatile("//@ wgmma.mma_async.sync.aligned.m64n" TEXT(T_M) WGMMA_DEPTH " {" SUMS(T_M, m) "}, %0, %1, " ADDS WGMMA_END \
               ::"l"(pixels), "l"(channels) : "memory")
#define WGMMA(m, pixels, channels) WGMMA_OF(m, pixels, channels, "1")
#define WGMMA_FIRST(m, pixels, channels) WGMMA_OF(m, pixels, channels, "0")
#define WGMMA_FENCE() asm volatile("//@ wgmma.fence.sync.aligned;" ::: "memory")
#define WGMMA_COMMIT() asm volatile("//@ wgmma.commit_group.sync.aligned;" ::: "memory")
#define WGMMA_WAIT(newer) asm volatile("//@ wgmma.wait_group.sync.aligned " #newer ";" ::: "memory")

// Of pieces whose eight rows lie side by side: from one such to the next along the rows, and along the depth, in pieces.
#define DESCRIPTOR(rows, depth) ((ulong)(rows) << 32 | (ulong)(depth) << 16)
#define ADDRESS(p) ((uint)(size_t)(p))
// The assembler forgets where the value comes from: it would read the group's place in its cluster anew for every address.
static inline uint opaque(uint value) {
  uint same;
  asm volatile("shfl.sync.idx.b32 %0, %1, 0, 31, -1;" : "=r"(same) : "r"(value));
  return same;
}

static inline void initMeeting(uint meeting, int count) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(meeting), "r"(count) : "memory");
}
static inline void awaitMeeting(uint meeting, int parity) {
  int done;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; selp.b32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(meeting), "r"(parity)
                 : "memory");
  } while (!done);
}
static inline void arriveAt(uint meeting) {
  asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(meeting) : "memory");
}
static inline void copyTo(uint to, __global const PIECE* from, int present) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(present ? 16 : 0));
}
// Arrives, and once more when the copy is done.
static inline void copyBulk(uint to, __global const PIECE* from, int bytes, uint meeting) {
  asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(meeting), "r"(bytes) : "memory");
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from),
               "r"(bytes), "r"(meeting)
               : "memory");
}
// What this item wrote to local memory is seen by wgmma and bulk copies of those that it then meets.
#define PROXY_FENCE() asm volatile("fence.proxy.async.shared::cta;" ::: "memory")
#define LOCAL_AT uint
#define LOCAL_PIECE 16
#define COPY_TO copyTo
#else
#define LOCAL_AT __local PIECE*
#define LOCAL_PIECE 1
#define COPY_TO copyPast
#endif
