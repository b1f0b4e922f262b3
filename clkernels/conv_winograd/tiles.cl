// Tiles of Winograd's minimal filtering F(T_M x T_M, 3 x 3): T_M outputs per extent, 2 or 4, from T_SIDE inputs.
#ifndef T_M
#error "tiles.cl needs T_M"
#endif
#define T_SIDE (T_M + 2)

// A dilated convolution is DY * DX convolutions of dilation 1, each on every DY-th row and DX-th column from a phase on. Tiles
// are counted (phase y, tile y, phase x, tile x), the last fastest.
typedef struct {
  int y, x;  // of the first output
} WinogradTile;

static inline WinogradTile tileAt(int tile, int tilesY, int tilesX, int phasesX, int DY, int DX) {
  const int tx = tile % tilesX, column = tile / tilesX, phaseX = column % phasesX, row = column / phasesX;
  const int ty = row % tilesY, phaseY = row / tilesY;
  const WinogradTile at = {phaseY + ty * T_M * DY, phaseX + tx * T_M * DX};
  return at;
}
