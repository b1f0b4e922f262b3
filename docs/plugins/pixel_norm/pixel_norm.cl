// Every pixel divided by the root of its channels' mean square; x and y are N, C, H, W.
// T_PIXELS  pixels of a work-item, side by side
#ifndef T_PIXELS
#error "T_PIXELS is not defined"
#endif

__kernel void pixelNorm(__global const float* restrict x, __global float* restrict y, const int channels,
                        const int pixels, const float epsilon) {
  const int first = get_global_id(0) * T_PIXELS;
  x += get_global_id(1) * channels * pixels + first;
  y += get_global_id(1) * channels * pixels + first;
  float sums[T_PIXELS];
  for (int p = 0; p < T_PIXELS; ++p) sums[p] = 0;
  for (int c = 0; c < channels; ++c)
    for (int p = 0; p < T_PIXELS; ++p) sums[p] += x[c * pixels + p] * x[c * pixels + p];
  for (int p = 0; p < T_PIXELS; ++p) sums[p] = 1 / sqrt(sums[p] / channels + epsilon);
  for (int c = 0; c < channels; ++c)
    for (int p = 0; p < T_PIXELS; ++p) y[c * pixels + p] = x[c * pixels + p] * sums[p];
}
