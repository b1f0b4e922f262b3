// class_map: y = class of the highest score, the lowest of equals; T_VEC neighbouring pixels per work-item.
//
// Layouts: x[xOffset + c * pixels + i], y[yOffset + i]
// T_VEC    pixels per work-item: 4, 8 or 16
// P_CLASS  element type of y: uchar or int

#if !defined(T_VEC) || !defined(P_CLASS)
#error "class_map needs T_VEC and P_CLASS"
#endif

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define CONVERT CAT(CAT(convert_, P_CLASS), T_VEC)
#define FLOATS CAT(float, T_VEC)
#define INTS CAT(int, T_VEC)

__kernel void class_map(__global const float* restrict x, __global P_CLASS* restrict y, int xOffset, int yOffset,
                        int classes, int pixels) {
  const int first = get_global_id(0) * T_VEC;
  __global const float* scores = x + xOffset;
  __global P_CLASS* map = y + yOffset;
  if (first + T_VEC <= pixels) {
    FLOATS best = CAT(vload, T_VEC)(0, scores + first);
    INTS index = 0;
    for (int c = 1; c < classes; ++c) {
      const FLOATS score = CAT(vload, T_VEC)(0, scores + (size_t)c * pixels + first);
      const INTS better = score > best;
      best = select(best, score, better);
      index = select(index, (INTS)(c), better);
    }
    CAT(vstore, T_VEC)(CONVERT(index), 0, map + first);
  } else {
    for (int i = first; i < pixels; ++i) {
      float best = scores[i];
      int index = 0;
      for (int c = 1; c < classes; ++c) {
        const float score = scores[(size_t)c * pixels + i];
        if (score > best) {
          best = score;
          index = c;
        }
      }
      map[i] = (P_CLASS)index;
    }
  }
}
