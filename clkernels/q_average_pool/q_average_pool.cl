// q_average_pool: averages of codes: sums of code - zero in 32 bits, y = float(sum) * factors[cells], then a code or y itself. Up to
// three spatial extents, any channel block, the same on both sides.
//
// x, y: offset + n * batch + ((c / P_BLOCK) * plane + p) * P_BLOCK + c % P_BLOCK
// T_LANES work-items share PW_WIDTH channels of one position; factors[cells] is float(double(scale) / cells).
//
// T_LANES   1, or a power of two that divides the work-group of T_GROUP items: large windows, of which there are few
// PW_WIDTH  channels of a vector: P_BLOCK, at most 16
// P_CELLS   cells to divide by: 0 those inside the image, 1 those inside image and pads
#if !defined(PW_WIDTH) || !defined(P_BLOCK) || !defined(P_CELLS) || !defined(T_LANES) || !defined(T_GROUP)
#error "q_average_pool needs PW_WIDTH, P_BLOCK, P_CELLS, T_LANES and T_GROUP"
#endif
#include "common/codes_alone.cl"

#if PW_WIDTH == 1
#define TO_INT convert_int
#else
#define TO_INT PW_CAT(convert_int, PW_WIDTH)
#endif
// Lanes of a block lie at multiples of the vector.
#define CODES_AT(p, i) (*(__global const PW_CHAR*)((p) + (i)))

// Taps of one axis that lie below `end`, and those of them that lie at 0 or above.
typedef struct {
  int first, end, padded;
} Range;
static inline Range rangeOf(int at, int stride, int pad, int kernelSize, int dilation, int extent, int padEnd) {
  const int begin = at * stride - pad;
  Range r;
  r.first = begin < 0 ? min((dilation - 1 - begin) / dilation, kernelSize) : 0;
  r.end = begin >= extent ? r.first : max(r.first, min(kernelSize, (extent - 1 - begin) / dilation + 1));
  r.padded = begin >= extent + padEnd ? 0 : min(kernelSize, (extent + padEnd - 1 - begin) / dilation + 1);
  return r;
}

__kernel void q_average_pool(__global const char* x, __global const float* factors, __global Q_RESULT* y, float rate, float zero, int xZero,
                             int positions, int vectors, int xOffset, int xBatch, int yOffset, int yBatch, int inD,
                             int inH, int inW, int outD, int outH, int outW, int kernelD, int kernelH, int kernelW,
                             int strideD, int strideH, int strideW, int dilationD, int dilationH, int dilationW, int padD,
                             int padH, int padW, int padEndD, int padEndH, int padEndW) {
  const int share = get_local_id(0) % T_LANES, n = get_global_id(1);
  const int wanted = get_global_id(0) / T_LANES, id = min(wanted, positions * vectors - 1);
  const int p = id % positions, c = id / positions * PW_WIDTH;
  const int d = p / (outH * outW), h = p / outW % outH, v = p % outW;
  const Range rd = rangeOf(d, strideD, padD, kernelD, dilationD, inD, padEndD);
  const Range rh = rangeOf(h, strideH, padH, kernelH, dilationH, inH, padEndH);
  const Range rw = rangeOf(v, strideW, padW, kernelW, dilationW, inW, padEndW);
  const int lane = c % P_BLOCK;
  x += xOffset + n * xBatch + (c / P_BLOCK) * inD * inH * inW * P_BLOCK + lane;
  PW_INT sum = 0;
#if T_LANES == 1
  if (wanted > id) return;
  for (int kd = rd.first; kd < rd.end; ++kd)
    for (int kh = rh.first; kh < rh.end; ++kh)
      for (int kw = rw.first; kw < rw.end; ++kw) {
        const int z = d * strideD - padD + kd * dilationD, iy = h * strideH - padH + kh * dilationH;
        const int ix = v * strideW - padW + kw * dilationW;
        sum += TO_INT(CODES_AT(x, ((z * inH + iy) * inW + ix) * P_BLOCK));
      }
#else
  const int columns = rw.end - rw.first, slice = columns * (rh.end - rh.first), all = slice * (rd.end - rd.first);
  for (int i = share; i < all; i += T_LANES) {
    const int kd = rd.first + i / slice, kh = rh.first + i % slice / columns, kw = rw.first + i % columns;
    const int z = d * strideD - padD + kd * dilationD, iy = h * strideH - padH + kh * dilationH;
    const int ix = v * strideW - padW + kw * dilationW;
    sum += TO_INT(CODES_AT(x, ((z * inH + iy) * inW + ix) * P_BLOCK));
  }
  __local PW_INT sums[T_GROUP];
  sums[get_local_id(0)] = sum;
  for (int step = T_LANES / 2; step > 0; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (share < step) sums[get_local_id(0)] += sums[get_local_id(0) + step];
  }
  if (share > 0 || wanted > id) return;
  sum = sums[get_local_id(0)];
#endif
#if P_CELLS == 0
  const int cells = (rd.end - rd.first) * (rh.end - rh.first) * (rw.end - rw.first);
#else
  const int cells = rd.padded * rh.padded * rw.padded;
#endif
  sum -= xZero * ((rd.end - rd.first) * (rh.end - rh.first) * (rw.end - rw.first));
  storeResult(PW_TO_FLOAT(sum) * factors[max(cells, 1)], y,
              yOffset + n * yBatch + ((c / P_BLOCK) * positions + p) * P_BLOCK + lane, WITH_ZERO(rate, zero));
}
