// class_color: a class map at the size of its image, in colours, and blended over the image; one work-item per pixel.
//
// Layouts: map[mapOffset + row * mapWidth + column]; palette[class]: blue, green, red, opacity, black beyond its end
//          image, colors, overlay: [offset + (row * width + column) * 3 + channel]; classes[offset + row * width + column]
// The region (top, left, regionHeight, regionWidth) of the map shows the image. Where the class changes within
// `border` pixels to the right or below, the overlay has a brighter line. All arithmetic is in integers.
// P_CLASS  element type of the classes

#if !defined(P_CLASS)
#error "class_color needs P_CLASS"
#endif

int classAt(__global const P_CLASS* restrict map, int row, int column, int mapWidth, int top, int left, int regionHeight,
            int regionWidth, int height, int width) {
  const int y = top + (2 * min(row, height - 1) + 1) * regionHeight / (2 * height);
  const int x = left + (2 * min(column, width - 1) + 1) * regionWidth / (2 * width);
  return map[y * mapWidth + x];
}

__kernel void class_color(__global const P_CLASS* restrict map, __global const uchar* restrict palette,
                          __global const uchar* restrict image, __global P_CLASS* restrict classes,
                          __global uchar* restrict colors, __global uchar* restrict overlay, int mapOffset,
                          int paletteOffset, int imageOffset, int classesOffset, int colorsOffset, int overlayOffset,
                          int mapWidth, int top, int left, int regionHeight, int regionWidth, int height, int width,
                          int border, int colorCount) {
  const int column = get_global_id(0), row = get_global_id(1);
  if (column >= width || row >= height) return;
  __global const P_CLASS* m = map + mapOffset;
  const int at = row * width + column;
  const int k = classAt(m, row, column, mapWidth, top, left, regionHeight, regionWidth, height, width);
  const int right = classAt(m, row, column + border, mapWidth, top, left, regionHeight, regionWidth, height, width);
  const int below = classAt(m, row + border, column, mapWidth, top, left, regionHeight, regionWidth, height, width);
  const bool known = k >= 0 && k < colorCount;
  const uchar4 entry = known ? vload4(k, palette + paletteOffset) : (uchar4)(0);
  const int3 color = convert_int3(entry.xyz);
  const bool line = right != k || below != k;
  const int3 shown = line ? (color + 255) / 2 : color;
  const int blend = line ? 255 - (255 - (int)entry.w) / 2 : (int)entry.w;
  const int3 pixel = convert_int3(vload3(at, image + imageOffset));
  classes[classesOffset + at] = (P_CLASS)k;
  vstore3(entry.xyz, at, colors + colorsOffset);
  vstore3(convert_uchar3((pixel * (255 - blend) + shown * blend + 127) / 255), at, overlay + overlayOffset);
}
