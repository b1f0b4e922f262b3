// image_preprocess, image_preprocess_rows, image_preprocess_bands: y = (resize(x) - mean) / std * scale.
//
// image_preprocess: one work-item per pixel of the network's input. image_preprocess_rows, where a pixel is made of many: a
// work-group per row of the input sums up the source's rows into local memory, each read once and in order, then the
// columns from there. image_preprocess_bands, likewise for CPUs: a work-item for several rows, which share the weights of
// columns; its loops are over values that lie side by side, so that compilers make vectors of them.
// Layouts: x[xOffset + (row * sourceWidth + column) * 3 + channel], 8-bit, blue first; others by P_FORMAT
//          y[yOffset + (channel * height + row) * width + column], or where channels are last
//          y[yOffset + (row * width + column) * channels + channel]
// The image fills the region (top, left, regionHeight, regionWidth) of the input, which may reach beyond its edges;
// `pad` is the pixel value elsewhere.
// Positions are rational numbers held exactly: source position ((2 d + 1) from - to) / (2 to), half-pixel centres.
// P_RESIZE  0: bilinear, edges repeated; 1: the pixel that holds the centre; 2: mean of the area that a pixel covers;
//           3: a triangle as wide as the pixel, or as the source's pixels where those are wider; 4: the image has the
//           region's extents, which compilers can vectorise; 5: as 2 where an axis grows (of P_ROUNDED; else where the
//           other shrinks), as OpenCV has it: two pixels of either axis, the later one weighed by what the area covers beyond it
// P_FORMAT  0: blue, green, red; 1: red, green, blue; 2: one value, grey; 3, 4: as 0, 1 with a plane for each; 5: NV12, a
//           plane of luma, then rows of chroma for two by two pixels each
// P_YUV     of NV12: 0: BT.601, 1: BT.709, luma 16 to 235; 2: BT.601, luma 0 to 255
// P_ORDER   0: the network wants blue first; 1: red first; 2: one channel of grey
// P_LAST    1: channels are last
// P_ITEMS   work-items of image_preprocess_rows's groups
// P_ROUNDED 1: resized pixels are whole numbers. P_RESIZE 0 and 5 (not of image_preprocess_rows) compute them as OpenCV does from
//           8 bits to 8: weights in units of 1 / 2048, shifts between rows and columns; others are rounded in the end
// T_WAY     0: image_preprocess, 1: image_preprocess_rows, 2: image_preprocess_bands

#if !defined(P_RESIZE) || !defined(P_FORMAT) || !defined(P_YUV) || !defined(P_ORDER) || !defined(P_LAST) || \
    !defined(P_ITEMS) || !defined(P_ROUNDED) || !defined(T_WAY)
#error "image_preprocess needs P_RESIZE, P_FORMAT, P_YUV, P_ORDER, P_LAST, P_ITEMS, P_ROUNDED and T_WAY"
#endif

#define PAIRS_OF_BYTES (P_ROUNDED && (P_RESIZE == 0 || P_RESIZE == 5))

#if P_RESIZE == 2 || P_RESIZE == 3 || P_RESIZE == 5 && !P_ROUNDED
// First source pixel in .x, last one in .y.
int2 windowAt(int d, int from, int to) {
#if P_RESIZE == 2
  const int first = d * from / to;
  int last = first;
  while ((last + 1) * to < (d + 1) * from) ++last;  // a few steps, quicker than another division
  return (int2)(first, last);
#elif P_RESIZE == 5
  const int first = d * from / to;
  const int two = first < from - 1 && (first + 1) * to < (d + 1) * from;
  return (int2)(first, first + two);
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
#elif P_RESIZE == 5
  const int first = d * from / to, beyond = (d + 1) * from - (first + 1) * to;
  if (first >= from - 1 || beyond <= 0) return 1.0f;
  return (float)(i == first ? from - beyond : beyond);
#else
  const int far = (int)abs((2 * d + 1) * from - (2 * i + 1) * to);
  return (float)max(2 * max(from, to) - far, 0);
#endif
}
#elif P_RESIZE < 2 || P_RESIZE == 5
// Low pixel in .x, high pixel in .y; the weight of the high one in *fraction.
int2 sampleAt(int d, int from, int to, float* fraction) {
  *fraction = 0.0f;
#if P_RESIZE == 1
  const int at = (2 * d + 1) * from / (2 * to);
  return (int2)(at, at);
#elif P_RESIZE == 5
  const int first = d * from / to, beyond = (d + 1) * from - (first + 1) * to;
  if (first >= from - 1 || beyond <= 0) return (int2)(first, first);
  *fraction = (float)beyond / (float)from;
  return (int2)(first, first + 1);
#else
  const int position = max((2 * d + 1) * from - to, 0);
  const int low = position / (2 * to);
  if (low >= from - 1) return (int2)(from - 1, from - 1);
  *fraction = (float)(position - low * 2 * to) / (float)(2 * to);
  return (int2)(low, low + 1);
#endif
}

int2 windowAt(int d, int from, int to) {
  float fraction;
  return sampleAt(d, from, to, &fraction);
}
float weightAt(int i, int d, int from, int to) {
  float fraction;
  return sampleAt(d, from, to, &fraction).x == i ? 1.0f - fraction : fraction;
}
#endif

#if P_RESIZE == 4
int2 windowAt(int d, int from, int to) { return (int2)(d, d); }
float weightAt(int i, int d, int from, int to) { return 1.0f; }
#endif

// Blue, green, red.
float3 pixelAt(__global const uchar* restrict x, int row, int column, int height, int width) {
  const int at = row * width + column;
#if P_FORMAT == 0
  return convert_float3(vload3(at, x));
#elif P_FORMAT == 1
  return convert_float3(vload3(at, x)).zyx;
#elif P_FORMAT == 2
  return (float3)((float)x[at]);
#elif P_FORMAT < 5
  const int plane = height * width;
  const float3 value = (float3)((float)x[at], (float)x[at + plane], (float)x[at + 2 * plane]);
  return P_FORMAT == 3 ? value : value.zyx;
#else
  const uchar2 chroma = vload2(0, x + height * width + (row / 2) * width + column / 2 * 2);
  const float u = (float)chroma.x - 128.0f, v = (float)chroma.y - 128.0f;
#if P_YUV == 0
  const float luma = 1.16438356f * ((float)x[at] - 16.0f);
  const float3 value = (float3)(luma + 2.01723214f * u, luma - 0.39176229f * u - 0.81296764f * v, luma + 1.59602679f * v);
#elif P_YUV == 1
  const float luma = 1.16438356f * ((float)x[at] - 16.0f);
  const float3 value = (float3)(luma + 2.11240179f * u, luma - 0.21324861f * u - 0.53290933f * v, luma + 1.79274107f * v);
#else
  const float luma = (float)x[at];
  const float3 value = (float3)(luma + 1.772f * u, luma - 0.34413629f * u - 0.71413629f * v, luma + 1.402f * v);
#endif
  return clamp(value, 0.0f, 255.0f);
#endif
}

#if P_ROUNDED
// To the nearest whole number, of equals the even one; of numbers up to 2^22, where rint would take many instructions.
#define WHOLE(x) (((x) + 12582912.0f) - 12582912.0f)
#endif

// What is added before rounding: of an image that is halved, OpenCV rounds halves up, and sums are multiples of 1 / 4.
float upwards(int sourceHeight, int sourceWidth, int regionHeight, int regionWidth) {
#if P_RESIZE == 2 && P_ROUNDED
  return sourceHeight == 2 * regionHeight && sourceWidth == 2 * regionWidth ? 0.125f : 0.0f;
#else
  return 0.0f;
#endif
}

#if PAIRS_OF_BYTES
// Those of NV12 are no whole numbers.
int3 wholePixelAt(__global const uchar* restrict image, int row, int column, int height, int width) {
  float3 value = pixelAt(image, row, column, height, width);
#if P_FORMAT == 5
  value = WHOLE(value);
#endif
  return (int3)((int)value.x, (int)value.y, (int)value.z);
}

// Two pixels of a row, in units of 1 / 128.
int3 pairAt(__global const uchar* restrict image, int row, int2 columns, int2 weights, int height, int width) {
  return (wholePixelAt(image, row, columns.x, height, width) * weights.x +
          wholePixelAt(image, row, columns.y, height, width) * weights.y) >> 4;
}

// The weights of two pixels, in units of 1 / 2048.
int2 wholeWeights(float fraction) {
  return (int2)((int)WHOLE((1.0f - fraction) * 2048.0f), (int)WHOLE(fraction * 2048.0f));
}
#endif

// The resized image at row v, column h of its region.
float3 resizedAt(__global const uchar* restrict image, int v, int h, int sourceHeight, int sourceWidth, int regionHeight,
                 int regionWidth) {
#if P_RESIZE == 4
  return pixelAt(image, v, h, sourceHeight, sourceWidth);
#elif P_RESIZE > 1 && !PAIRS_OF_BYTES
  const int2 rows = windowAt(v, sourceHeight, regionHeight), columns = windowAt(h, sourceWidth, regionWidth);
  float3 sum = (float3)(0.0f);
  float all = 0.0f;
  for (int row = rows.x; row <= rows.y; ++row) {
    float3 line = (float3)(0.0f);
    float across = 0.0f;
    for (int column = columns.x; column <= columns.y; ++column) {
      const float weight = weightAt(column, h, sourceWidth, regionWidth);
      line += pixelAt(image, row, column, sourceHeight, sourceWidth) * weight;
      across += weight;
    }
    const float down = weightAt(row, v, sourceHeight, regionHeight);
    sum += line / across * down;
    all += down;
  }
  return sum / all + upwards(sourceHeight, sourceWidth, regionHeight, regionWidth);
#else
  float fv, fh;
  const int2 rows = sampleAt(v, sourceHeight, regionHeight, &fv);
  const int2 columns = sampleAt(h, sourceWidth, regionWidth, &fh);
#if PAIRS_OF_BYTES
  const int2 across = wholeWeights(fh), down = wholeWeights(fv);
  const int3 sum = (pairAt(image, rows.x, columns, across, sourceHeight, sourceWidth) * down.x >> 16) +
                   (pairAt(image, rows.y, columns, across, sourceHeight, sourceWidth) * down.y >> 16);
  const int3 value = (sum + 2) >> 2;
  return (float3)((float)value.x, (float)value.y, (float)value.z);
#else
  const float3 upper = pixelAt(image, rows.x, columns.x, sourceHeight, sourceWidth) * (1.0f - fh) +
                       pixelAt(image, rows.x, columns.y, sourceHeight, sourceWidth) * fh;
  const float3 lower = pixelAt(image, rows.y, columns.x, sourceHeight, sourceWidth) * (1.0f - fh) +
                       pixelAt(image, rows.y, columns.y, sourceHeight, sourceWidth) * fh;
  return upper * (1.0f - fv) + lower * fv;
#endif
#endif
}

// `inImage`: not a pixel around it.
void put(__global float* restrict y, float3 value, int inImage, int row, int column, int height, int width, float scale,
         float3 mean, float3 deviation) {
#if P_ROUNDED
  if (inImage) value = WHOLE(value);
#endif
#if P_ORDER == 1
  value = value.zyx;
#elif P_ORDER == 2
  if (inImage) value = (float3)(0.114f * value.x + 0.587f * value.y + 0.299f * value.z);
#endif
  value = (value - mean) * (scale / deviation);
#if P_ORDER == 2
  y[row * width + column] = value.x;
#else
#if P_LAST
  const int plane = 1, at = (row * width + column) * 3;
#else
  const int plane = height * width, at = row * width + column;
#endif
  y[at] = value.x;
  y[at + plane] = value.y;
  y[at + 2 * plane] = value.z;
#endif
}

#if T_WAY == 2
#if PAIRS_OF_BYTES
// Columns of a row of the source, of two pixels each, in units of 1 / 128.
void pairColumns(__global const uchar* image, __local const int* firsts, __local const int* weights, __local int* to, int row,
                 int count, int sourceHeight, int sourceWidth) {
  for (int i = 0; i < count; ++i) {
    const int2 columns = (int2)(firsts[i], min(firsts[i] + 1, sourceWidth - 1)), across = vload2(i, weights);
#if P_FORMAT < 2
    __global const uchar* low = image + (row * sourceWidth + columns.x) * 3;
    __global const uchar* high = image + (row * sourceWidth + columns.y) * 3;
    for (int c = 0; c < 3; ++c) to[i * 3 + c] = (low[c] * across.x + high[c] * across.y) >> 4;
#else
    const int3 pair = pairAt(image, row, columns, across, sourceHeight, sourceWidth);
    to[i * 3] = pair.x;
    to[i * 3 + 1] = pair.y;
    to[i * 3 + 2] = pair.z;
#endif
  }
}
#else
// Sums of the source's rows for row v of the region.
void sumRows(__global const uchar* restrict x, __local float* restrict line, int v, int sourceHeight, int sourceWidth,
             int regionHeight) {
  const int2 rows = windowAt(v, sourceHeight, regionHeight);
  float all = 0.0f;
  for (int r = rows.x; r <= rows.y; ++r) all += weightAt(r, v, sourceHeight, regionHeight);
  for (int r = rows.x; r <= rows.y; ++r) {
    const float weight = weightAt(r, v, sourceHeight, regionHeight) / all;
#if P_FORMAT < 2
    const int values = sourceWidth * 3;
    __global const uchar* restrict source = x + r * values;
    if (r == rows.x && r < rows.y) {  // two at once: the line is written half as often
      const float next = weightAt(++r, v, sourceHeight, regionHeight) / all;
      for (int i = 0; i < values; ++i) line[i] = convert_float(source[i]) * weight + convert_float(source[i + values]) * next;
    } else if (r == rows.x) {
      for (int i = 0; i < values; ++i) line[i] = convert_float(source[i]) * weight;
    } else {
      for (int i = 0; i < values; ++i) line[i] += convert_float(source[i]) * weight;
    }
#else
    for (int column = 0; column < sourceWidth; ++column) {
      const float3 part = pixelAt(x, r, column, sourceHeight, sourceWidth) * weight;
      vstore3(r == rows.x ? part : vload3(column, line) + part, column, line);
    }
#endif
  }
}

// Where column h of the region begins in a line, and the weights of `taps` pixels from there.
int weighColumn(int h, int sourceWidth, int regionWidth, int taps, __local float* restrict weights) {
  const int2 window = windowAt(h, sourceWidth, regionWidth);
  const int first = min(window.x, sourceWidth - taps);
  float all = 0.0f;
  for (int k = 0; k < taps; ++k) {
    const int i = first + k;
    const float weight = i >= window.x && i <= window.y ? weightAt(i, h, sourceWidth, regionWidth) : 0.0f;
    weights[k] = weight;
    all += weight;
  }
  for (int k = 0; k < taps; ++k) weights[k] /= all;
  return first;
}

// `count` columns from sums over rows.
void sumColumns(__local const float* restrict line, __local const int* restrict firsts, __local const float* restrict weights,
                __local float* restrict across, int taps, int count) {
  for (int i = 0; i < count; ++i) {
    __local const float* from = line + firsts[i] * 3;
    __local const float* weight = weights + i * taps;
    float4 sum = vload4(0, from) * weight[0];
    if (taps == 2) {
      sum += vload4(0, from + 3) * weight[1];
    } else if (taps == 3) {
      sum += vload4(0, from + 3) * weight[1] + vload4(0, from + 6) * weight[2];
    } else {
      for (int k = 1; k < taps; ++k) sum += vload4(0, from + 3 * k) * weight[k];
    }
    vstore4(sum, 0, across + i * 3);
  }
}

#endif

// A row of the network's input from columns. `up`: of upwards().
void putRow(__local const float* restrict across, __global float* restrict to, int plane, int count, float up, float scale,
            float3 mean, float3 deviation) {
  const float3 factor = scale / deviation;
#if P_ROUNDED
#define PIXEL(i) WHOLE(across[i] + up)
#else
#define PIXEL(i) across[i]
#endif
#if P_ORDER == 2
#if P_FORMAT == 1
  const float3 share = (float3)(0.299f, 0.587f, 0.114f);
#else
  const float3 share = (float3)(0.114f, 0.587f, 0.299f);
#endif
  for (int i = 0; i < count; ++i) {
    const float value = share.x * PIXEL(i * 3) + share.y * PIXEL(i * 3 + 1) + share.z * PIXEL(i * 3 + 2);
    to[i] = (value - mean.x) * factor.x;
  }
#else
  const int step = P_LAST ? 3 : 1;
  const int last = (P_ORDER == 1) == (P_FORMAT == 1) ? 2 : 0;  // of a pixel's values, what the network's last channel takes
  for (int i = 0; i < count; ++i) to[i * step] = (PIXEL(i * 3 + 2 - last) - mean.x) * factor.x;
  for (int i = 0; i < count; ++i) to[i * step + plane] = (PIXEL(i * 3 + 1) - mean.y) * factor.y;
  for (int i = 0; i < count; ++i) to[i * step + 2 * plane] = (PIXEL(i * 3 + last) - mean.z) * factor.z;
#endif
}

// line: sourceWidth * 3 + 1 floats, of bytes two rows of width * 3 ints; across: width * 3 + 1, firsts: width, weights:
// width * taps.
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void image_preprocess_bands(__global const uchar* restrict x, __global float* restrict y, __local float* restrict line,
                            __local float* restrict across, __local int* restrict firsts, __local float* restrict weights,
                            int bandRows, int taps, int xOffset, int yOffset, int sourceHeight, int sourceWidth, int height,
                            int width, int top, int left, int regionHeight, int regionWidth, float pad, float scale,
                            float mean0, float mean1, float mean2, float std0, float std1, float std2) {
  const float3 mean = (float3)(mean0, mean1, mean2), deviation = (float3)(std0, std1, std2);
  const int begin = max(left, 0), end = min(left + regionWidth, width), count = end - begin;
  const float up = upwards(sourceHeight, sourceWidth, regionHeight, regionWidth);
  x += xOffset;
  y += yOffset;
#if PAIRS_OF_BYTES
  __local int* upper = (__local int*)line;
  __local int* lower = upper + width * 3;
  __local int* shares = (__local int*)weights;
  int upperRow = -1, lowerRow = -1;
  for (int i = 0; i < count; ++i) {
    float fraction;
    firsts[i] = sampleAt(begin + i - left, sourceWidth, regionWidth, &fraction).x;
    vstore2(wholeWeights(fraction), i, shares);
  }
#elif P_RESIZE != 4
  for (int i = 0; i < count; ++i) firsts[i] = weighColumn(begin + i - left, sourceWidth, regionWidth, taps, weights + i * taps);
#endif
  const int firstRow = get_group_id(0) * bandRows, lastRow = min(firstRow + bandRows, height);
  for (int row = firstRow; row < lastRow; ++row) {
    const int v = row - top, inRegion = v >= 0 && v < regionHeight;
    for (int column = 0; column < width; ++column)
      if (!inRegion || column < begin || column >= end)
        put(y, (float3)(pad), 0, row, column, height, width, scale, mean, deviation);
    if (!inRegion) continue;
#if PAIRS_OF_BYTES
    float fraction;
    const int2 rows = sampleAt(v, sourceHeight, regionHeight, &fraction), down = wholeWeights(fraction);
    if (rows.x == lowerRow) {  // what was below is above now
      __local int* swapped = upper;
      upper = lower;
      lower = swapped;
      lowerRow = upperRow;
      upperRow = rows.x;
    }
    if (rows.x != upperRow) pairColumns(x, firsts, shares, upper, rows.x, count, sourceHeight, sourceWidth);
    if (rows.y != lowerRow) pairColumns(x, firsts, shares, lower, rows.y, count, sourceHeight, sourceWidth);
    upperRow = rows.x;
    lowerRow = rows.y;
    __local const float* columns = across;
    for (int i = 0; i < count * 3; ++i)
      across[i] = (float)(((upper[i] * down.x >> 16) + (lower[i] * down.y >> 16) + 2) >> 2);
#else
    sumRows(x, line, v, sourceHeight, sourceWidth, regionHeight);
#if P_RESIZE == 4
    __local const float* columns = line + (begin - left) * 3;
#else
    __local const float* columns = across;
    sumColumns(line, firsts, weights, across, taps, count);
#endif
#endif
#if P_LAST && P_ORDER != 2
    putRow(columns, y + (row * width + begin) * 3, 1, count, up, scale, mean, deviation);
#else
    putRow(columns, y + row * width + begin, height * width, count, up, scale, mean, deviation);
#endif
  }
}
#elif T_WAY == 0
__kernel void image_preprocess(__global const uchar* restrict x, __global float* restrict y, int xOffset, int yOffset,
                               int sourceHeight, int sourceWidth, int height, int width, int top, int left,
                               int regionHeight, int regionWidth, float pad, float scale, float mean0, float mean1,
                               float mean2, float std0, float std1, float std2) {
  const int column = get_global_id(0), row = get_global_id(1);
  if (column >= width || row >= height) return;
  const int v = row - top, h = column - left;
  const int inImage = v >= 0 && v < regionHeight && h >= 0 && h < regionWidth;
  float3 value = (float3)(pad);
  if (inImage) value = resizedAt(x + xOffset, v, h, sourceHeight, sourceWidth, regionHeight, regionWidth);
  put(y + yOffset, value, inImage, row, column, height, width, scale, (float3)(mean0, mean1, mean2),
      (float3)(std0, std1, std2));
}
#else
// Column h of the region, from sums over rows. `first`, `rest`: h * sourceWidth by regionWidth.
float3 acrossAt(__local const float* line, int h, int first, int rest, int sourceWidth, int regionWidth) {
  float3 sum = (float3)(0.0f);
#if P_RESIZE == 2
  // In units of which a source pixel has regionWidth.
  const int head = min(regionWidth - rest, sourceWidth);
  float4 wide = vload4(0, line + first * 3) * (float)head;
  int left = sourceWidth - head;
  for (++first; left >= regionWidth; left -= regionWidth, ++first)
    wide += vload4(0, line + first * 3) * (float)regionWidth;
  if (left > 0) wide += vload4(0, line + first * 3) * (float)left;
  return wide.xyz / (float)sourceWidth;
#else
  const int2 columns = windowAt(h, sourceWidth, regionWidth);
  float all = 0.0f;
  for (int column = columns.x; column <= columns.y; ++column) {
    const float weight = weightAt(column, h, sourceWidth, regionWidth);
    sum += vload3(column, line) * weight;
    all += weight;
  }
  return sum / all;
#endif
}

// line: sourceWidth * 3 floats, and one that is read with the last pixel.
__kernel __attribute__((reqd_work_group_size(P_ITEMS, 1, 1)))
void image_preprocess_rows(__global const uchar* restrict x, __global float* restrict y, __local float* restrict line,
                           int xOffset, int yOffset, int sourceHeight, int sourceWidth, int height, int width, int top,
                           int left, int regionHeight, int regionWidth, float pad, float scale, float mean0, float mean1,
                           float mean2, float std0, float std1, float std2) {
  const int item = get_local_id(0), row = get_group_id(0), v = row - top;
  const float3 mean = (float3)(mean0, mean1, mean2), deviation = (float3)(std0, std1, std2);
  const int inRegion = v >= 0 && v < regionHeight;
  const int begin = inRegion ? max(left, 0) : width, end = inRegion ? min(left + regionWidth, width) : width;
  const float up = upwards(sourceHeight, sourceWidth, regionHeight, regionWidth);
  x += xOffset;
  y += yOffset;
  if (inRegion) {
    const int2 rows = windowAt(v, sourceHeight, regionHeight);
    float all = 0.0f;
    for (int r = rows.x; r <= rows.y; ++r) all += weightAt(r, v, sourceHeight, regionHeight);
    int r = rows.x;
#if P_FORMAT < 2
    if (r < rows.y) {  // two at once: the line is written half as often
      const float upper = weightAt(r, v, sourceHeight, regionHeight) / all;
      const float lower = weightAt(r + 1, v, sourceHeight, regionHeight) / all;
      __global const uchar* restrict source = x + r * sourceWidth * 3;
      const int values = sourceWidth * 3;
      for (int i = item; i < values; i += P_ITEMS)
        line[i] = convert_float(source[i]) * upper + convert_float(source[i + values]) * lower;
      r += 2;
    }
#endif
    for (; r <= rows.y; ++r) {
      const float weight = weightAt(r, v, sourceHeight, regionHeight) / all;
      const int fresh = r == rows.x;
#if P_FORMAT < 2
      __global const uchar* restrict source = x + r * sourceWidth * 3;
      const int values = sourceWidth * 3;
      if (fresh)
        for (int i = item; i < values; i += P_ITEMS) line[i] = convert_float(source[i]) * weight;
      else
        for (int i = item; i < values; i += P_ITEMS) line[i] += convert_float(source[i]) * weight;
#else
      for (int column = item; column < sourceWidth; column += P_ITEMS) {
        const float3 part = pixelAt(x, r, column, sourceHeight, sourceWidth) * weight;
        vstore3(fresh ? part : vload3(column, line) + part, column, line);
      }
#endif
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int column = item; column < width; column += P_ITEMS)
    if (column < begin || column >= end) put(y, (float3)(pad), 0, row, column, height, width, scale, mean, deviation);
  const int start = begin + item - left;
  int first = start * sourceWidth / regionWidth, rest = start * sourceWidth - first * regionWidth;
  const int step = P_ITEMS * sourceWidth / regionWidth, stepRest = P_ITEMS * sourceWidth - step * regionWidth;
  for (int column = begin + item; column < end; column += P_ITEMS) {
    float3 value = acrossAt(line, column - left, first, rest, sourceWidth, regionWidth) + up;
#if P_FORMAT == 1
    value = value.zyx;
#endif
    put(y, value, 1, row, column, height, width, scale, mean, deviation);
    first += step;
    rest += stepRest;
    if (rest >= regionWidth) {
      rest -= regionWidth;
      ++first;
    }
  }
}
#endif
