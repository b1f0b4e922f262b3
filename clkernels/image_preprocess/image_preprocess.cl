// image_preprocess: y = (resize(x) - mean) / std * scale, one work-item per pixel of the network's input.
//
// Layouts: x[xOffset + (row * sourceWidth + column) * 3 + channel], 8-bit, blue first
//          y[yOffset + (channel * height + row) * width + column], or where channels are last
//          y[yOffset + (row * width + column) * channels + channel]
// The image fills the region (top, left, regionHeight, regionWidth) of the input, which may reach beyond its edges;
// `pad` is the pixel value elsewhere.
// Positions are rational numbers held exactly: source position ((2 d + 1) from - to) / (2 to), half-pixel centres.
// P_RESIZE  0: bilinear, edges repeated; 1: the pixel that holds the centre; 2: mean of the area that a pixel covers;
//           3: a triangle as wide as the pixel, or as the source's pixels where those are wider; 4: the image has the
//           region's extents, which compilers can vectorise
// P_ORDER   0: the network wants blue first; 1: red first; 2: one channel of grey
// P_LAST    1: channels are last

#if P_RESIZE == 2 || P_RESIZE == 3
// First source pixel in .x, last one in .y.
int2 windowAt(int d, int from, int to) {
#if P_RESIZE == 2
  const int first = d * from / to;
  int last = first;
  while ((last + 1) * to < (d + 1) * from) ++last;  // a few steps, quicker than another division
  return (int2)(first, last);
#else
  const int center = (2 * d + 1) * from;
  if (from > to) return (int2)(max((center - 2 * from) / (2 * to), 0), min((center + 2 * from) / (2 * to), from - 1));
  const int position = center - to;
  if (position <= 0) return (int2)(0, 0);
  return (int2)(min(position / (2 * to), from - 1), min(position / (2 * to) + 1, from - 1));
#endif
}

// Of source pixel i, up to a common factor.
float weightAt(int i, int d, int from, int to) {
#if P_RESIZE == 2
  return (float)(min((i + 1) * to, (d + 1) * from) - max(i * to, d * from));
#else
  const int far = (int)abs((2 * d + 1) * from - (2 * i + 1) * to);
  return (float)max(2 * max(from, to) - far, 0);
#endif
}
#elif P_RESIZE < 2
// Low pixel in .x, high pixel in .y; the weight of the high one in *fraction.
int2 sampleAt(int d, int from, int to, float* fraction) {
  *fraction = 0.0f;
#if P_RESIZE == 1
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
#endif

float3 pixelAt(__global const uchar* restrict x, int row, int column, int width) {
  return convert_float3(vload3(row * width + column, x));
}

// The resized image at row v, column h of its region.
float3 resizedAt(__global const uchar* restrict image, int v, int h, int sourceHeight, int sourceWidth, int regionHeight,
                 int regionWidth) {
#if P_RESIZE == 4
  return pixelAt(image, v, h, sourceWidth);
#elif P_RESIZE > 1
  const int2 rows = windowAt(v, sourceHeight, regionHeight), columns = windowAt(h, sourceWidth, regionWidth);
  float3 sum = (float3)(0.0f);
  float all = 0.0f;
  for (int row = rows.x; row <= rows.y; ++row) {
    float3 line = (float3)(0.0f);
    float across = 0.0f;
    for (int column = columns.x; column <= columns.y; ++column) {
      const float weight = weightAt(column, h, sourceWidth, regionWidth);
      line += pixelAt(image, row, column, sourceWidth) * weight;
      across += weight;
    }
    const float down = weightAt(row, v, sourceHeight, regionHeight);
    sum += line / across * down;
    all += down;
  }
  return sum / all;
#else
  float fv, fh;
  const int2 rows = sampleAt(v, sourceHeight, regionHeight, &fv);
  const int2 columns = sampleAt(h, sourceWidth, regionWidth, &fh);
  const float3 upper = pixelAt(image, rows.x, columns.x, sourceWidth) * (1.0f - fh) +
                       pixelAt(image, rows.x, columns.y, sourceWidth) * fh;
  const float3 lower = pixelAt(image, rows.y, columns.x, sourceWidth) * (1.0f - fh) +
                       pixelAt(image, rows.y, columns.y, sourceWidth) * fh;
  return upper * (1.0f - fv) + lower * fv;
#endif
}

__kernel void image_preprocess(__global const uchar* restrict x, __global float* restrict y, int xOffset, int yOffset,
                               int sourceHeight, int sourceWidth, int height, int width, int top, int left,
                               int regionHeight, int regionWidth, float pad, float scale, float mean0, float mean1,
                               float mean2, float std0, float std1, float std2) {
  const int column = get_global_id(0), row = get_global_id(1);
  if (column >= width || row >= height) return;
  const int v = row - top, h = column - left;
  float3 value = (float3)(pad);
  if (v >= 0 && v < regionHeight && h >= 0 && h < regionWidth)
    value = resizedAt(x + xOffset, v, h, sourceHeight, sourceWidth, regionHeight, regionWidth);
#if P_ORDER == 1
  value = value.zyx;
#elif P_ORDER == 2
  if (v >= 0 && v < regionHeight && h >= 0 && h < regionWidth)
    value = (float3)(0.114f * value.x + 0.587f * value.y + 0.299f * value.z);
#endif
  value = (value - (float3)(mean0, mean1, mean2)) / (float3)(std0, std1, std2) * scale;
#if P_ORDER == 2
  y[yOffset + row * width + column] = value.x;
#else
#if P_LAST
  const int plane = 1, at = yOffset + (row * width + column) * 3;
#else
  const int plane = height * width, at = yOffset + row * width + column;
#endif
  y[at] = value.x;
  y[at + plane] = value.y;
  y[at + 2 * plane] = value.z;
#endif
}
