// image_preprocess: y = (resize(x) - mean) / std * scale, one work-item per pixel of the network's input.
//
// Layouts: x[xOffset + (row * sourceWidth + column) * 3 + channel], 8-bit, blue first
//          y[yOffset + (channel * height + row) * width + column], or where channels are last
//          y[yOffset + (row * width + column) * 3 + channel]
// The image fills the region (top, left, regionHeight, regionWidth) of the input; `pad` is the pixel value elsewhere.
// Positions are rational numbers held exactly: source position ((2 d + 1) from - to) / (2 to), half-pixel centres.
// P_NEAREST  1: the pixel that holds the centre; 0: bilinear, edges repeated
// P_RGB      1: the network wants red first
// P_LAST     1: channels are last

// Low pixel in .x, high pixel in .y; the weight of the high one in *fraction.
int2 sampleAt(int d, int from, int to, float* fraction) {
  *fraction = 0.0f;
#if P_NEAREST
  const int at = (2 * d + 1) * from / (2 * to);
  return (int2)(at, at);
#else
  const int position = max((2 * d + 1) * from - to, 0);
  const int low = position / (2 * to);
  if (low >= from - 1) return (int2)(from - 1, from - 1);
  *fraction = (float)(position - low * 2 * to) / (float)(2 * to);
  return (int2)(low, low + 1);
#endif
}

float3 pixelAt(__global const uchar* restrict x, int row, int column, int width) {
  return convert_float3(vload3(row * width + column, x));
}

__kernel void image_preprocess(__global const uchar* restrict x, __global float* restrict y, int xOffset, int yOffset,
                               int sourceHeight, int sourceWidth, int height, int width, int top, int left,
                               int regionHeight, int regionWidth, float pad, float scale, float mean0, float mean1,
                               float mean2, float std0, float std1, float std2) {
  const int column = get_global_id(0), row = get_global_id(1);
  if (column >= width || row >= height) return;
  const int v = row - top, h = column - left;
  float3 value = (float3)(pad);
  if (v >= 0 && v < regionHeight && h >= 0 && h < regionWidth) {
    __global const uchar* image = x + xOffset;
    float fv, fh;
    const int2 rows = sampleAt(v, sourceHeight, regionHeight, &fv);
    const int2 columns = sampleAt(h, sourceWidth, regionWidth, &fh);
    const float3 upper = pixelAt(image, rows.x, columns.x, sourceWidth) * (1.0f - fh) +
                         pixelAt(image, rows.x, columns.y, sourceWidth) * fh;
    const float3 lower = pixelAt(image, rows.y, columns.x, sourceWidth) * (1.0f - fh) +
                         pixelAt(image, rows.y, columns.y, sourceWidth) * fh;
    value = upper * (1.0f - fv) + lower * fv;
  }
#if P_RGB
  value = value.zyx;
#endif
  value = (value - (float3)(mean0, mean1, mean2)) / (float3)(std0, std1, std2) * scale;
#if P_LAST
  const int plane = 1, at = yOffset + (row * width + column) * 3;
#else
  const int plane = height * width, at = yOffset + row * width + column;
#endif
  y[at] = value.x;
  y[at + plane] = value.y;
  y[at + 2 * plane] = value.z;
}
