// pad: y[d_0..d_7] = x[s(d_0)..s(d_7)] with s(d) = d - begin where that is inside x, otherwise by mode.
//
// Loops d_0 (innermost) .. d_7 have extents e in y and m in x; strides are in elements.
// P_TYPE   uchar, ushort, uint or ulong: elements are bytes moved
// P_RANK   loops, 2 to 8
// P_MODE   0 constant (P_VALUE, the element's bits), 1 reflect, 2 edge, 3 wrap
#if !defined(P_TYPE) || !defined(P_RANK) || !defined(P_MODE) || !defined(P_VALUE)
#error "pad needs P_TYPE, P_RANK, P_MODE and P_VALUE"
#endif

// Index into an extent of m elements; -1: outside, in constant mode.
static inline int sourceIndex(int i, int m) {
  if (i >= 0 && i < m) return i;
#if P_MODE == 0
  return -1;
#elif P_MODE == 1
  if (m == 1) return 0;
  const int period = 2 * (m - 1);
  i %= period;
  i = i < 0 ? i + period : i;
  return i < m ? i : period - i;
#elif P_MODE == 2
  return clamp(i, 0, m - 1);
#else
  i %= m;
  return i < 0 ? i + m : i;
#endif
}

__kernel void pad(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int xOffset, int yOffset, int e0, int e1,
                  int e2, int e3, int e4, int e5, int e6, int e7, int m0, int m1, int m2, int m3, int m4, int m5, int m6,
                  int m7, int begin0, int begin1, int begin2, int begin3, int begin4, int begin5, int begin6, int begin7,
                  int xs0, int xs1, int xs2, int xs3, int xs4, int xs5, int xs6, int xs7, int ys0, int ys1, int ys2,
                  int ys3, int ys4, int ys5, int ys6, int ys7) {
  const int d0 = get_global_id(0), d1 = get_global_id(1);
  int rest = get_global_id(2);
  if (d0 >= e0 || d1 >= e1) return;
  const int e[8] = {e0, e1, e2, e3, e4, e5, e6, e7}, m[8] = {m0, m1, m2, m3, m4, m5, m6, m7};
  const int begin[8] = {begin0, begin1, begin2, begin3, begin4, begin5, begin6, begin7};
  const int xs[8] = {xs0, xs1, xs2, xs3, xs4, xs5, xs6, xs7}, ys[8] = {ys0, ys1, ys2, ys3, ys4, ys5, ys6, ys7};
  int from = xOffset, to = yOffset;
  bool inside = true;
  for (int i = 0; i < P_RANK; ++i) {
    int d = i == 0 ? d0 : d1;
    if (i >= 2) {
      d = i + 1 < P_RANK ? rest % e[i] : rest;
      rest /= e[i];
    }
    const int source = sourceIndex(d - begin[i], m[i]);
    inside = inside && source >= 0;
    from += max(source, 0) * xs[i];
    to += d * ys[i];
  }
  y[to] = inside ? x[from] : (P_TYPE)P_VALUE;
}
