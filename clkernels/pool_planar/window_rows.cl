// Cells under the windows of one output row of a planar tensor, for pool_planar and q_average_planar.
//
// CELL        element type in memory
// P_KH, P_SX  taps in y; stride in x
#define CELLS_OF_(type) type##16
#define CELLS_OF(type) CELLS_OF_(type)
#define CELLS CELLS_OF(CELL)

// 16 cells at distances of P_SX; nothing behind the last one is read.
static inline CELLS cells(__global const CELL* row) {
#if P_SX == 1
  return vload16(0, row);
#elif P_SX == 2
  return (CELLS)(vload16(0, row).even, vload16(0, row + 15).odd);
#else
#define C(i) row[(i) * P_SX]
  return (CELLS)(C(0), C(1), C(2), C(3), C(4), C(5), C(6), C(7), C(8), C(9), C(10), C(11), C(12), C(13), C(14), C(15));
#undef C
#endif
}

// What the windows of an output row share: tap rows [first, end) lie inside, `padded` inside image and pads.
typedef struct {
  int top, first, end, padded;
} Rows;

// Those of windows whose upper row is `top`; `endH` rows of pads lie below the image.
static inline Rows rowsOf(int top, int inH, int dilationH, int endH) {
  Rows r = {top, P_KH, 0, 0};
  for (int kh = P_KH - 1; kh >= 0; --kh) {
    const int iy = top + kh * dilationH;
    r.padded += iy < inH + endH;
    if (iy >= 0 && iy < inH) {
      r.first = kh;
      r.end = max(r.end, kh + 1);
    }
  }
  if (r.first > r.end) r.first = r.end;
  return r;
}
