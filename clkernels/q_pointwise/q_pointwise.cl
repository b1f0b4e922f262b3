// q_pointwise: a pointwise chain between codes and floats whose operands may lie in different channel blocks, and which may
// store floats and codes of the same values.
//
// A work-item computes channels k * T_L .. of one position p. An operand in blocks of T_L is read and written as one vector,
// a planar one (block 1) lane by lane, neighbours along p:
//   block T_L: offset + n * batch + (k * plane + p) * T_L;   planar: offset + n * batch + (k * T_L + lane) * plane + p
// The prologue made by q_pointwise.cpp holds the chain, P_PARAMETERS (operands and results with their offsets and batch
// strides), P_VALUE (the chain of the operands at n, k, p) and P_STORE(value).
// T_L     channels of a vector: 4 or 16
// P_TAIL  1: the last vector has lanes beyond the channels, which become 0 in blocks
// (The prologue's functions use what q_pointwise/lanes.cl defines; it comes first.)
#if !defined(T_L) || !defined(P_TAIL)
#error "q_pointwise needs T_L and P_TAIL"
#endif

__kernel void q_pointwise(P_PARAMETERS int channels, int plane) {
  const int p = get_global_id(0), k = get_global_id(1), n = get_global_id(2);
  if (p >= plane) return;
  const int left = channels - k * T_L;
  VALUE value = P_VALUE;
  if (P_TAIL) value = LANES < left ? value : (VALUE)(0.0f);
  P_STORE(value)
}
