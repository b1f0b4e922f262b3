// Winograd's minimal filtering F(T_M, 3) along one extent: y = A^T [(G g) * (B^T d)], T_M outputs from T_SIDE = T_M + 2
// inputs. Matrices: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; T_M = 6 takes the
// interpolation points 0, +-1, +-2, +-1/2. The weights' side, G, is computed on the host (winograd_weights.cpp).
//
// T_M  outputs per extent: 2, 4 or 6
#if !defined(T_M)
#error "transforms.cl needs T_M"
#endif
#define T_SIDE (T_M + 2)
#define F(value) ((float16)(value))

#if T_M == 2
static inline void inputTransform(const float16* d, float16* v) {
  v[0] = d[0] - d[2];
  v[1] = d[1] + d[2];
  v[2] = d[2] - d[1];
  v[3] = d[1] - d[3];
}

static inline void outputTransform(const float16* m, float16* y) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}
#elif T_M == 4
static inline void inputTransform(const float16* d, float16* v) {
  const float16 even = fma(F(-4.0f), d[2], d[4]), odd = fma(F(-4.0f), d[1], d[3]);
  const float16 outer = d[4] - d[2], inner = d[3] - d[1];
  v[0] = fma(F(4.0f), d[0], fma(F(-5.0f), d[2], d[4]));
  v[1] = even + odd;
  v[2] = even - odd;
  v[3] = fma(F(2.0f), inner, outer);
  v[4] = fma(F(-2.0f), inner, outer);
  v[5] = fma(F(4.0f), d[1], fma(F(-5.0f), d[3], d[5]));
}

static inline void outputTransform(const float16* m, float16* y) {
  const float16 sum = m[1] + m[2], difference = m[1] - m[2];
  const float16 sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum + sum2;
  y[1] = fma(F(2.0f), difference2, difference);
  y[2] = fma(F(4.0f), sum2, sum);
  y[3] = fma(F(8.0f), difference2, difference) + m[5];
}
#elif T_M == 6
static inline void inputTransform(const float16* d, float16* v) {
  const float16 even1 = fma(F(-4.25f), d[4], d[2] + d[6]), odd1 = fma(F(-4.25f), d[3], d[1] + d[5]);
  const float16 even2 = fma(F(-1.25f), d[4], fma(F(0.25f), d[2], d[6]));
  const float16 odd2 = fma(F(2.0f), d[5], fma(F(-2.5f), d[3], F(0.5f) * d[1]));
  const float16 even3 = fma(F(-5.0f), d[4], fma(F(4.0f), d[2], d[6]));
  const float16 odd3 = fma(F(0.5f), d[5], fma(F(-2.5f), d[3], F(2.0f) * d[1]));
  v[0] = fma(F(5.25f), d[4] - d[2], d[0] - d[6]);
  v[1] = even1 + odd1;
  v[2] = even1 - odd1;
  v[3] = even2 + odd2;
  v[4] = even2 - odd2;
  v[5] = even3 + odd3;
  v[6] = even3 - odd3;
  v[7] = fma(F(5.25f), d[3] - d[5], d[7] - d[1]);
}

static inline void outputTransform(const float16* m, float16* y) {
  const float16 sum = m[1] + m[2], difference = m[1] - m[2];
  const float16 sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  const float16 sumHalf = m[5] + m[6], differenceHalf = m[5] - m[6];
  y[0] = m[0] + sum + sum2 + sumHalf;
  y[1] = fma(F(2.0f), difference2, fma(F(0.5f), differenceHalf, difference));
  y[2] = fma(F(4.0f), sum2, fma(F(0.25f), sumHalf, sum));
  y[3] = fma(F(8.0f), difference2, fma(F(0.125f), differenceHalf, difference));
  y[4] = fma(F(16.0f), sum2, fma(F(0.0625f), sumHalf, sum));
  y[5] = fma(F(32.0f), difference2, fma(F(0.03125f), differenceHalf, difference)) + m[7];
}
#else
#error "T_M is 2, 4 or 6"
#endif
