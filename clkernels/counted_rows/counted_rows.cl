// counted_rows: y[i] = x[i], any element type, and the count as a long.
//
// Layout: x and y dense, i the flat index; offsets are in elements.
// P_TYPE  element type (uchar, ushort, uint or ulong: bytes are moved, not interpreted)

__kernel void counted_rows(__global const P_TYPE* restrict x, __global const int* restrict counted,
                           __global P_TYPE* restrict y, __global long* restrict count, int xOffset, int countedOffset,
                           int yOffset, int countOffset, int elements) {
  const int i = get_global_id(0);
  if (i < elements) y[yOffset + i] = x[xOffset + i];
  if (i == 0) count[countOffset] = counted[countedOffset];
}
