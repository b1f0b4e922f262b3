// amx_probe: what the tile registers compute of 16 rows of 64 codes and as many weights.
#include "common/amx.cl"

// y[row][channel] = sum of x[row][i] * w[i / 4][channel][i % 4]
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void amx_check(__global const char* x, __global const char* w,
                                                                       __global int* y) {
  configureTiles(16);
  CLEAR_TILE(0);
  LOAD_TILE(4, x, TILE_BYTES);
  LOAD_TILE(6, w, TILE_BYTES);
  MULTIPLY_TILES(0, 4, 6);
  STORE_TILE(0, y);
  releaseTiles();
}
