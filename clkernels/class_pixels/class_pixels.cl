// class_pixels: the class of each pixel from any kind of output, one work-item per pixel.
//
// Layouts: x[xOffset + c * classStride + i * pixelStride] for class c of pixel i, y[yOffset + i]
// P_KIND  0: scores; the class of the highest one, the lowest of equals. 1: the class itself, rounded; numbers that
//         are no class become the highest that y holds (P_MOST). 2: class 1 where x > threshold, else 0
// P_TYPE  element type of x; P_CLASS that of y

#if !defined(P_KIND) || !defined(P_TYPE) || !defined(P_CLASS) || !defined(P_MOST)
#error "class_pixels needs P_KIND, P_TYPE, P_CLASS and P_MOST"
#endif

#if P_KIND == 1
// Written so that NaN is no class either.
int classOf(P_TYPE value) {
#if P_FLOAT
  const float rounded = rint(value);
  return rounded >= 0.0f && rounded <= (float)P_MOST ? (int)rounded : P_MOST;
#else
  return value >= 0 && value <= P_MOST ? (int)value : P_MOST;
#endif
}
#endif

__kernel void class_pixels(__global const P_TYPE* restrict x, __global P_CLASS* restrict y, int xOffset, int yOffset,
                           int classes, int classStride, int pixelStride, int pixels, float threshold) {
  const int i = get_global_id(0);
  if (i >= pixels) return;
  __global const P_TYPE* from = x + xOffset + (size_t)i * pixelStride;
#if P_KIND == 0
  P_TYPE best = from[0];
  int index = 0;
  for (int c = 1; c < classes; ++c) {
    const P_TYPE score = from[(size_t)c * classStride];
    index = score > best ? c : index;
    best = score > best ? score : best;
  }
  y[yOffset + i] = (P_CLASS)index;
#elif P_KIND == 1
  y[yOffset + i] = (P_CLASS)classOf(from[0]);
#else
  y[yOffset + i] = (P_CLASS)(from[0] > threshold ? 1 : 0);
#endif
}
