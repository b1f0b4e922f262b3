// Winograd's minimal filtering F(T_M, 3) along one extent: y = A^T [(G g) * (B^T d)], T_M outputs from T_SIDE = T_M + 2
// inputs; A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016. The weights' side, G, is computed
// on the host (winograd_weights.cpp). F(4, 3) interpolates at 0, +-5/8, +-3/2 and infinity: its greatest error is a quarter
// of that with the usual 0, +-1, +-2 (docs/numerics.md), and all constants are exact.
//
// T_M  outputs per extent: 2 or 4
// W_T  float, or a vector of channels
#ifndef W_T
#error "transforms.cl needs T_M and W_T"
#endif
#include "conv_winograd/tiles.cl"
#define F(value) ((W_T)(value))

#if T_M == 2
static inline void inputTransform(const W_T* d, W_T* v) {
  v[0] = d[2] - d[0];
  v[1] = d[2] + d[1];
  v[2] = d[2] - d[1];
  v[3] = d[3] - d[1];
}

static inline void outputTransform(const W_T* m, W_T* y) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] + m[3];
}
#elif T_M == 4
#define P1 0.625f
#define P2 1.5f
static inline void inputTransform(const W_T* d, W_T* v) {
  const W_T even1 = fma(F(-P2 * P2), d[2], d[4]), odd1 = fma(F(-P2 * P2), d[1], d[3]);
  const W_T even2 = fma(F(-P1 * P1), d[2], d[4]), odd2 = fma(F(-P1 * P1), d[1], d[3]);
  v[0] = fma(F(P1 * P1 * P2 * P2), d[0], fma(F(-P1 * P1 - P2 * P2), d[2], d[4]));
  v[1] = fma(F(P1), odd1, even1);
  v[2] = fma(F(-P1), odd1, even1);
  v[3] = fma(F(P2), odd2, even2);
  v[4] = fma(F(-P2), odd2, even2);
  v[5] = fma(F(P1 * P1 * P2 * P2), d[1], fma(F(-P1 * P1 - P2 * P2), d[3], d[5]));
}

static inline void outputTransform(const W_T* m, W_T* y) {
  const W_T sum1 = m[1] + m[2], difference1 = m[1] - m[2];
  const W_T sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = fma(F(P2), difference2, F(P1) * difference1);
  y[2] = fma(F(P2 * P2), sum2, F(P1 * P1) * sum1);
  y[3] = fma(F(P2 * P2 * P2), difference2, fma(F(P1 * P1 * P1), difference1, m[5]));
}
#else
#error "T_M is 2 or 4"
#endif
