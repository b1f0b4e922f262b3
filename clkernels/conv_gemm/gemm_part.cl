// One part of a split sum, without the epilogue, into `partial` (T_SPLIT > 1, T_SUM 0): gemm_sum adds the parts.
//   partial[((split * P_GROUPS + group) * P_ROWS + row) * P_PIXELS4 + pixel]
// Include after common/gemm_tile.cl and conv_gemm/gemm_loop.cl.
#if T_SPLIT > 1 && !T_SUM
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void gemm_part(
    __global const P_X* restrict x, __global const P_WEIGHTS* restrict w, __global const int2* restrict table, int xOffset,
    int xBatch, __global GEMM_T4* restrict partial) {
  LOCAL_TILES
  const int split = get_group_id(1);
  accumulate(FIRST_TILE, LAST_TILE, rowTile, pixelTile, w, x, table, wl, xl, xBatch, acc);
#pragma unroll
  for (int i = 0; i < T_WM; ++i) {
#pragma unroll
    for (int j = 0; j < T_WN; j += 4) {
      const int row = rowTile * T_M + i / 4 * 4 * GM + at.x * 4 + i % 4, pixel = pixelTile * T_N + j * GN + at.y * 4;
      if (row < P_ROWS && pixel < P_PIXELS)
        partial[((split * P_GROUPS + group) * P_ROWS + row) * (P_PIXELS4 / 4) + pixel / 4] =
            (GEMM_T4)(acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]);
    }
  }
}
#endif
