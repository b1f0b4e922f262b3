// copy: y[i] = x[i], any element type.
//
// Layout: both operands dense, i the flat index; offsets are in elements.
// P_TYPE  element type (uchar, ushort, uint or ulong: bytes are moved, not interpreted)

__kernel void copy(__global const P_TYPE* restrict x, __global P_TYPE* restrict y, int xOffset, int yOffset, int count) {
  const int i = get_global_id(0);
  if (i < count) y[yOffset + i] = x[xOffset + i];
}
