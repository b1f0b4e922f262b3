// strided_copy: y[yOffset + sum(d_i * ys_i)] = x[xOffset + sum(d_i * xs_i)] over nested loops d_0 (innermost) .. d_7.
//
// Elements are bytes moved, not interpreted; the host merges loops and widens elements where runs allow.
// strided_copy: a work-item per element. strided_transpose: for copies that read along one loop (xs = 1) and write
// along another (ys = 1); it goes through square tiles so that both sides touch whole cache lines.
//
// P_TYPE   uchar, ushort, uint, ulong or uint4
// P_RANK   loops, 2 to 8
// P_XUNIT  1: xs0 is 1
// P_YUNIT  1: ys0 is 1
// P_LOCAL  strided_transpose: 1 goes through local memory with a work-group per tile (GPU), 0 a work-item per tile
// P_TILE   side of a tile
#if !defined(P_TYPE) || !defined(P_RANK) || !defined(P_XUNIT) || !defined(P_YUNIT) || !defined(P_LOCAL) || !defined(P_TILE)
#error "strided_copy needs all of its P_ defines"
#endif

// Offsets of loops FIRST.. at the flat index `rest`.
#define OUTER(FIRST)                                                                       \
  {                                                                                        \
    const int e[8] = {e0, e1, e2, e3, e4, e5, e6, e7};                                     \
    const int xs[8] = {xs0, xs1, xs2, xs3, xs4, xs5, xs6, xs7};                            \
    const int ys[8] = {ys0, ys1, ys2, ys3, ys4, ys5, ys6, ys7};                            \
    for (int i = FIRST; i < P_RANK; ++i) {                                                 \
      const int d = i + 1 < P_RANK ? rest % e[i] : rest;                                   \
      rest /= e[i];                                                                        \
      from += d * xs[i];                                                                   \
      to += d * ys[i];                                                                     \
    }                                                                                      \
  }

#define PARAMETERS                                                                                       \
  __global const P_TYPE *restrict x, __global P_TYPE *restrict y, int xOffset, int yOffset, int e0,      \
      int e1, int e2, int e3, int e4, int e5, int e6, int e7, int xs0, int xs1, int xs2, int xs3,        \
      int xs4, int xs5, int xs6, int xs7, int ys0, int ys1, int ys2, int ys3, int ys4, int ys5, int ys6, \
      int ys7

__kernel void strided_copy(PARAMETERS) {
  const int d0 = get_global_id(0), d1 = get_global_id(1);
  int rest = get_global_id(2);
  if (d0 >= e0 || d1 >= e1) return;
  int from = xOffset + d1 * xs1, to = yOffset + d1 * ys1;
  OUTER(2)
  from += P_XUNIT ? d0 : d0 * xs0;
  to += P_YUNIT ? d0 : d0 * ys0;
  y[to] = x[from];
}

// Loop 0 is contiguous in y, loop 1 in x: ys0 = xs1 = 1.
__kernel void strided_transpose(PARAMETERS) {
  int rest = get_global_id(2);
  int from = xOffset, to = yOffset;
  OUTER(2)
#if P_LOCAL
  __local P_TYPE tile[P_TILE][P_TILE + 1];
  const int begin0 = get_group_id(0) * P_TILE, begin1 = get_group_id(1) * P_TILE;
  const int lx = get_local_id(0);
  for (int j = get_local_id(1); j < P_TILE; j += get_local_size(1))
    if (begin0 + j < e0 && begin1 + lx < e1) tile[j][lx] = x[from + (begin0 + j) * xs0 + begin1 + lx];
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int j = get_local_id(1); j < P_TILE; j += get_local_size(1))
    if (begin1 + j < e1 && begin0 + lx < e0) y[to + (begin1 + j) * ys1 + begin0 + lx] = tile[lx][j];
#else
  const int begin0 = get_global_id(0) * P_TILE, begin1 = get_global_id(1) * P_TILE;
  if (begin0 >= e0 || begin1 >= e1) return;
  const int end0 = min(begin0 + P_TILE, e0), end1 = min(begin1 + P_TILE, e1);
  for (int b = begin1; b < end1; ++b)
    for (int a = begin0; a < end0; ++a) y[to + b * ys1 + a] = x[from + a * xs0 + b];
#endif
}
