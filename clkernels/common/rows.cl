// Rows: groups of elements that share a statistic (a softmax axis, a normalised plane, a pooled plane).
//
// A row is one choice of three kept coordinates, an element of it one choice of three reduced coordinates:
//   offset = base + k0*s0 + k1*s1 + k2*s2 + r0*t0 + r1*t1 + r2*t2
// with row = (k0*K1 + k1)*K2 + k2 and j = (r0*R1 + r1)*R2 + r2, j < length. rows.hpp finds extents and strides for planar
// and blocked layouts. Strides of x and y differ where one of them is a slice of a larger buffer.
//
// T_LANES  work-items that share a row; a power of two
// T_ROWS   rows of a work-group; global size (T_LANES, rows rounded up to T_ROWS)
// ROW_PARAMETERS also tells where padding lanes of blocked layouts are, which must become 0: in rows whose kept channel is
// beyond the tensor's (rowIsPadding), or at j from length to storedLength where the channels are reduced.
// Every work-item of a group must reach the reductions, those beyond the last row included.

#define ROW_PARAMETERS                                                                                      \
  __local long *rowScratch, int rows, int length, int storedLength, int rowInner, int rowChannels,         \
      int channels, int K1, int K2, int R1, int R2, int xBase, int xk0, int xk1, int xk2, int xr0, int xr1, \
      int xr2, int yBase, int yk0, int yk1, int yk2, int yr0, int yr1, int yr2
#define ROW_CHANNEL(row) ((row) / rowInner % rowChannels)
#define rowIsPadding(row) (ROW_CHANNEL(row) >= channels)
#define ROW_OF(base, row, a, b, c) ((base) + (row) / (K1 * K2) * (a) + (row) / K2 % K1 * (b) + (row) % K2 * (c))
#define ELEMENT_OF(j, a, b, c) ((j) / (R1 * R2) * (a) + (j) / R2 % R1 * (b) + (j) % R2 * (c))
#define X_ROW(row) ROW_OF(xBase, row, xk0, xk1, xk2)
#define Y_ROW(row) ROW_OF(yBase, row, yk0, yk1, yk2)
#define X_ELEMENT(j) ELEMENT_OF(j, xr0, xr1, xr2)
#define Y_ELEMENT(j) ELEMENT_OF(j, yr0, yr1, yr2)

// A lane's share of a row in runs: sums are taken of each, then of these, so that rounding errors stay small.
#define ROW_RUN (128 * T_LANES)
#define FOR_RUNS(first, used) for (int first = lane; first < (used); first += ROW_RUN)
#define FOR_RUN(j, first, used) for (int j = first; j < min(first + ROW_RUN, (used)); j += T_LANES)

static inline float greater(float a, float b) { return a > b || a != a ? a : b; }  // NaN if either is

// ROW_SUM(v) and ROW_MAX(v) give every lane of a row the sum or maximum of its lanes. Their scratch of
// T_LANES * T_ROWS numbers of 64 bits, whose type the argument has since drivers align it by that, is a kernel argument: PoCL 3.1 lets
// threads share a kernel's own __local array once it has been handed to a function with barriers.
#if T_LANES == 1
#define ROW_SUM(v) (v)
#define ROW_MAX(v) (v)
#else
#define ROW_SUM(v) rowReduce(v, rowScratch, 0)
#define ROW_MAX(v) rowReduce(v, rowScratch, 1)
static inline float rowReduce(float v, __local long* scratch, int takeMax) {
  const int lane = get_local_id(0);
  __local float* row = (__local float*)scratch + get_local_id(1) * T_LANES;
  barrier(CLK_LOCAL_MEM_FENCE);  // the scratch's readers of an earlier reduction are done
  row[lane] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = T_LANES / 2; step > 0; step /= 2) {
    if (lane < step) row[lane] = takeMax ? greater(row[lane], row[lane + step]) : row[lane] + row[lane + step];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  return row[0];
}
#endif

// ROW_SUM of whole numbers, which is exact: lanes and their order do not matter.
static inline long rowSumOfWhole(long v, __local long* scratch) {
#if T_LANES == 1
  return v;
#else
  const int lane = get_local_id(0);
  __local long* row = scratch + get_local_id(1) * T_LANES;
  barrier(CLK_LOCAL_MEM_FENCE);
  row[lane] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int step = T_LANES / 2; step > 0; step /= 2) {
    if (lane < step) row[lane] += row[lane + step];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  return row[0];
#endif
}
