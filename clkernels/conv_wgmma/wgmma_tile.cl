// Where the pixels of conv_wgmma's tiles lie; include after common/window.cl.
//
// A tile has T_N pixels, in sub-tiles of 64: eight times eight neighbours. Their taps read a patch of x, where a tap is an offset.
// Windows that move by P_SY x P_SX pixels see planes of every P_SY-th row and P_SX-th column of x, which lie one behind the
// other in the patch.
//   T_WIDE > 0   a rectangle of T_WIDE pixels width, sub-tiles of 8 x 8 pixels side by side; its patch has the taps' rim around it
//   T_WIDE == 0  a run of positions of all images, laid out with as many zeros behind each row and image as its taps reach beyond;
//                results at those zeros go nowhere
#define T_N (64 * T_SUBS * T_TEAMS)
#ifndef BLOCK_PIECES
#define BLOCK_PIECES (1 + P_HALF)  // of a block of 16 channels at one pixel
#endif
#define REACH_X ((P_KW - 1) * P_DX)
#define REACH_Y ((P_KH - 1) * P_DY)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#if T_WIDE
#define T_HIGH (T_N / T_WIDE)
#define PITCH (T_WIDE + REACH_X / P_SX)
#define SEEN_PLANE (PITCH * (T_HIGH + REACH_Y / P_SY))
#define PLANES_X (REACH_X < P_SX ? REACH_X + 1 : P_SX)
#define PLANES_Y (REACH_Y < P_SY ? REACH_Y + 1 : P_SY)
#define PATCH (SEEN_PLANE * PLANES_X * PLANES_Y)
#define TILES_X ((P_QW + T_WIDE - 1) / T_WIDE)
#define TILES_Y ((P_QH + T_HIGH - 1) / T_HIGH)
#define EIGHTS (T_WIDE / 8)
#define SUB_AT(s) ((s) / EIGHTS * 8 * PITCH + (s) % EIGHTS * 8)
#define SUB_STEP(s) (SUB_AT((s) + 1) - SUB_AT(s))
#define EIGHT_STEP PITCH
#define PIXELS_FULL (P_QW % T_WIDE == 0 && P_QH % T_HIGH == 0)
#else
#if P_SX == 1 && P_SY == 1
#define PITCH LARGER(P_W + LARGER(P_PX, P_QW - P_W - P_PX + REACH_X), P_QW)
#define PLANE_ROWS LARGER(P_H + LARGER(P_PY, P_QH - P_H - P_PY + REACH_Y), P_QH)
#elif TAPS == 1
#define PITCH P_QW
#define PLANE_ROWS P_QH
#else
#error "a run of positions is of one plane"
#endif
#define SEEN_PLANE 0
#define PLANES_X 1
#define PATCH (T_N + REACH_Y * PITCH + REACH_X)
#define SUB_AT(s) ((s) * 64)
#define SUB_STEP(s) 64
#define EIGHT_STEP 8
#define PIXELS_FULL 0
#endif
// Where a tap reads, from a pixel's place in the patch.
#define TAP_AT(ky, kx) \
  (((ky) * P_DY % P_SY * PLANES_X + (kx) * P_DX % P_SX) * SEEN_PLANE + (ky) * P_DY / P_SY * PITCH + (kx) * P_DX / P_SX)

// Of a position in a tile's patch: pieces from the image's first to its, -1 where it is outside.
static inline int patchOffset(int tile, int position) {
#if T_WIDE
  const int n = tile / (TILES_X * TILES_Y), at = tile % (TILES_X * TILES_Y);
  const int plane = position / SEEN_PLANE, row = position % SEEN_PLANE / PITCH, column = position % SEEN_PLANE % PITCH;
  const int y = (at / TILES_X * T_HIGH + row) * P_SY + plane / PLANES_X - P_PY;
  const int x = (at % TILES_X * T_WIDE + column) * P_SX + plane % PLANES_X - P_PX;
#else
  const int v = tile * T_N + position, row = v / PITCH, n = row / PLANE_ROWS;
  const int y = (row - n * PLANE_ROWS) * P_SY - P_PY, x = (v - row * PITCH) * P_SX - P_PX;
#endif
  const int inside = (uint)y < (uint)P_H & (uint)x < (uint)P_W & n < P_PIXELS / Q_PLANE & position < PATCH;
  return inside ? (n * P_XBATCH + y * P_W + x) * BLOCK_PIECES : -1;
}

// The pixel (of all images, in their order) of a row of all tiles; P_PIXELS where it is none.
static inline int pixelOf(uint row) {
#if T_WIDE
  const uint tile = row / T_N, n = tile / (TILES_X * TILES_Y), at = tile % (TILES_X * TILES_Y), sub = row % T_N / 64;
  const uint y = at / TILES_X * T_HIGH + sub / EIGHTS * 8 + row % 64 / 8, x = at % TILES_X * T_WIDE + sub % EIGHTS * 8 + row % 8;
#else
  const uint line = row / PITCH, n = line / PLANE_ROWS, y = line - n * PLANE_ROWS, x = row - line * PITCH;
#endif
  return y < P_QH && x < P_QW ? min((int)(n * Q_PLANE + y * P_QW + x), P_PIXELS) : P_PIXELS;
}
