// pointwise_channel: y = f(x0, x1, ...) where some operands have one value per channel (and perhaps batch item).
//
//   index(n, c, p) = offset + n * batch + ((c / P_BLOCK) * plane + p) * P_BLOCK + c % P_BLOCK
// A work-item computes T_W neighbours of channel block k: positions of one channel where planar (P_BLOCK 1), otherwise
// channels of one position. Generated prologue as in pointwise_flat.cl; c is the (first) channel.
//
// T_W      elements of a vector; P_BLOCK is 1 or a multiple of it
// P_MASK   1: lanes beyond the channels are set to zero, since f of zeros is not zero
// P_YTYPE  type of y in memory
#if !defined(T_W) || !defined(P_BLOCK) || !defined(P_MASK) || !defined(P_YTYPE)
#error "pointwise_channel needs T_W, P_BLOCK, P_MASK and P_YTYPE"
#endif

__kernel void pointwise_channel(P_PARAMETERS __global P_YTYPE* y, int yOffset, int yBatch, int channels, int plane) {
  const int j = get_global_id(0) * T_W, k = get_global_id(1), n = get_global_id(2);
  const int run = plane * P_BLOCK;
  if (j >= run) return;
  P_ADVANCE(n)
  y += yOffset + n * yBatch;
  const int i = k * run + j;
#if P_BLOCK == 1
#if T_W > 1
  if (j + T_W > run) {
    for (int e = i; e < (k + 1) * run; ++e) storeScalar(P_SCALAR(e, k), y, e);
    return;
  }
  storeVector(P_VECTOR(i, k), y, i);
#else
  storeScalar(P_SCALAR(i, k), y, i);
#endif
#else
  const int c = k * P_BLOCK + j % P_BLOCK;
#if P_MASK
  if (c + T_W > channels) {
    for (int l = 0; l < T_W; ++l) {
      if (c + l < channels)
        storeScalar(P_SCALAR(i + l, c + l), y, i + l);
      else
        storeScalar(0, y, i + l);
    }
    return;
  }
#endif
#if T_W > 1
  storeVector(P_VECTOR(i, c), y, i);
#else
  storeScalar(P_SCALAR(i, c), y, i);
#endif
#endif
}
