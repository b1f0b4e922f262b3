// concat_lanes: inputs with any numbers of channels become whole blocks of y, one after the other.
//
//   index(n, c, p) = offset + n * batch + ((c / block) * plane + p) * block + c % block
// A work-item moves the blocks of a call at one position p. It loads every block of the inputs once, puts lanes of
// neighbouring ones together with shuffles known at compile time, and stores whole blocks; lanes beyond the channels are
// zero. The prologue made by concat_lanes.cpp holds P_PARAMETERS (inputs with their offsets and batch strides),
// P_ADVANCE(n) (steps to item n) and P_MOVE (the loads, shuffles and stores, in terms of LOAD and STORE).
//
// P_TYPE   uchar, ushort, uint or ulong
// P_BLOCK  channel block of all operands: 4, 8 or 16
#if !defined(P_TYPE) || !defined(P_BLOCK)
#error "concat_lanes needs P_TYPE and P_BLOCK"
#endif
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define VECTOR CAT(P_TYPE, P_BLOCK)
#define LOAD(x, k) *(__global const VECTOR*)(x + ((k) * plane + p) * P_BLOCK)
#define STORE(k, value) *(__global VECTOR*)(y + ((k) * plane + p) * P_BLOCK) = value

__kernel void concat_lanes(P_PARAMETERS __global P_TYPE* restrict y, int plane, int yOffset, int yBatch) {
  const int p = get_global_id(0), n = get_global_id(1);
  if (p >= plane) return;
  P_ADVANCE(n)
  y += yOffset + n * yBatch;
  P_MOVE
}
