// Geometry that convolution kernels over planar x share: P_C.. describe it, see conv_gemm.cl (made by conv_gemm/gemm_shape.cpp).
#if !defined(P_C) || !defined(P_H) || !defined(P_W) || !defined(P_ROWS) || !defined(P_GROUPS) || !defined(P_QH) || \
    !defined(P_QW) || !defined(P_PIXELS) || !defined(P_KH) || !defined(P_KW) || !defined(P_CHECK) || !defined(P_UX) || \
    !defined(P_UY) || !defined(P_X) || !defined(P_Y) || !defined(P_R)
#error "a convolution needs all its P_ macros"
#endif
#define TAPS (P_KH * P_KW)
#define X_PLANE (P_H * P_W)
#define Q_PLANE (P_QH * P_QW)
#define O_PLANE (P_OH * P_OW)

// Where a pixel's window lies in x, and which of its tap rows and columns are inside (bit per tap).
typedef struct {
  int base;
  uint rows, columns;
} Window;

static inline Window windowOf(int pixel, int xBatch) {
  const int n = pixel / Q_PLANE, q = pixel - n * Q_PLANE, qy = q / P_QW, qx = q - qy * P_QW;
  const int y = qy * P_SY - P_PY, x = qx * P_SX - P_PX;
  Window w;
  w.base = n * xBatch + y * P_W + x;
  w.rows = w.columns = 0x7fffffff;
#if P_CHECK
  w.rows = w.columns = 0;
  for (int k = 0; k < P_KH; ++k) w.rows |= (uint)(y + k * P_DY) < (uint)P_H ? 1u << k : 0u;
  for (int k = 0; k < P_KW; ++k) w.columns |= (uint)(x + k * P_DX) < (uint)P_W ? 1u << k : 0u;
#endif
  if (pixel >= P_PIXELS) w.rows = 0;
  return w;
}
static inline int tapInside(Window w, int ky, int kx) { return (w.rows >> ky) & (w.columns >> kx) & 1; }

// Operands of the epilogue and where results go.
typedef struct {
  __global const float *bias, *slope;
  __global const P_R* residual;
  __global P_Y* y;
  int yOffset, yBatch, rOffset, rBatch;
} Output;

// Output channel and index inside a batch item of a row (of all groups) at a pixel's position q; -1 outside the output.
static inline int channelOf(int row) { return row / (P_UY * P_UX); }
static inline int indexOf(int row, int q) {
#if P_UY * P_UX == 1
  return row * Q_PLANE + q;
#else
  const int c = row / (P_UY * P_UX), phase = row - c * (P_UY * P_UX), qy = q / P_QW;
  const int y = qy * P_UY + phase / P_UX - P_OY, x = (q - qy * P_QW) * P_UX + phase % P_UX - P_OX;
  return (uint)y < (uint)P_OH && (uint)x < (uint)P_OW ? c * O_PLANE + y * P_OW + x : -1;
#endif
}

#define PHASES (P_UY * P_UX)
// Rows in quads of output channels: quad = channel / 4 * PHASES + phase.
// Where four channels of an output pixel go: the first of them (of all groups), image, and position in the plane.
typedef struct {
  int channel, n, position;
} Place;
static inline Place placeOf(int quad, int pixel) {
  Place place;
  place.channel = (int)((uint)quad / PHASES) * 4;
  place.n = (int)((uint)pixel / Q_PLANE);  // a division of fewer operations than that of signs
  const int q = pixel - place.n * Q_PLANE;
#if PHASES == 1
  place.position = pixel < P_PIXELS ? q : -1;
#else
  const int phase = (int)((uint)quad % PHASES), qy = (int)((uint)q / P_QW);
  const int oy = qy * P_UY + (int)((uint)phase / P_UX) - P_OY, ox = (q - qy * P_QW) * P_UX + (int)((uint)phase % P_UX) - P_OX;
  place.position = pixel < P_PIXELS && (uint)oy < (uint)P_OH && (uint)ox < (uint)P_OW ? oy * P_OW + ox : -1;
#endif
  return place;
}
