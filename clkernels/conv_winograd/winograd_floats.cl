// Arithmetic of conv_winograd.cl in f32: a step of the products takes one channel.
#define W_T float16
#include "conv_winograd/transforms.cl"
#define VALUE float
#define VALUES float16
#define PIXEL_T float16
#define STEP_T float
#define STEP_CHANNELS 1
#define PIXEL(p, i) vload16(i, p)
#define MULTIPLY_ADD(value, weights, sums) fma((float16)(value), weights, sums)

#define WEIGHTS_OPERANDS __global const float* u
#define PASS(kt, cBlocks) (cBlocks)
#define PARTIAL 0

#define SUMS_T float16
#define AS_SUMS_T(sums) (sums)
static inline void wholeSums(float16* sums) {}
static inline float16 result(float16 sums, const Finish f, int k, long i) {
  return epilogueAt(sums, k, i, f.bias, f.residual, f.slope);
}
