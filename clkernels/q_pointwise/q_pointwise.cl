// q_pointwise: a pointwise chain between codes and floats whose operands may lie in different channel blocks, and which may
// store floats and codes of the same values.
//
// A work-item computes channels k * T_L .. of T_V positions p, RUN apart, so that neighbours read neighbours. An operand in
// blocks of T_L is read and written as one vector, a planar one (block 1) lane by lane, neighbours along p:
//   block T_L: offset + n * batch + (k * plane + p) * T_L;   planar: offset + n * batch + (k * T_L + lane) * plane + p
// The prologue made by q_pointwise.cpp holds the chain, P_PARAMETERS (operands and results with their offsets and batch
// strides), P_SHARED (what all positions of channels k take), P_VALUE (the chain of the operands at n, k, p) and
// P_STORE(value).
// T_L     channels of a vector: 4 or 16
// T_V     positions of an item: all are read before the first is stored
// P_TAIL  1: the last vector has lanes beyond the channels, which become 0 in blocks
// (The prologue's functions use what q_pointwise/lanes.cl defines; it comes first.)
#if !defined(T_L) || !defined(T_V) || !defined(P_TAIL)
#error "q_pointwise needs T_L, T_V and P_TAIL"
#endif
#define RUN 32

__kernel void q_pointwise(P_PARAMETERS int channels, int plane) {
  const int item = get_global_id(0), k = get_global_id(1), n = get_global_id(2), left = channels - k * T_L;
  const int first = T_V == 1 ? item : item / RUN * (RUN * T_V) + item % RUN;
  P_SHARED
  VALUE values[T_V];
#pragma unroll
  for (int v = 0; v < T_V; ++v) {
    const int p = min(first + v * RUN, plane - 1);  // no branch, so that all loads begin first
    values[v] = P_VALUE;
    if (P_TAIL) values[v] = LANES < left ? values[v] : (VALUE)(0.0f);
  }
#pragma unroll
  for (int v = 0; v < T_V; ++v) {
    const int p = first + v * RUN;
    if (p >= plane) continue;
    P_STORE(values[v])
  }
}
