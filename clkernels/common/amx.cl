// Tile registers of x86 (AMX) for products of codes: a tile of sums is up to 16 rows, pixels, of 16 channels; tdpbssd adds to it
// the products of rows of 64 codes with 16 x 16 words of weights, [step][channel][4], exactly and modulo 2^32: DP4A. Guarded by
// CPUID on the host (runtime/cl/dot4_probe.cpp), which also asks Linux for the registers.
//
// Registers: 0 to 3 sums, 4 and 5 inputs, of `rows` rows each; 6 and 7 weights. Compilers know nothing of them: what is in
// them stays there between the statements below, which keep their order.
#define TILE_BYTES 64  // of a row

static inline void configureTiles(int rows) {
  uchar shapes[64] __attribute__((aligned(64)));
  for (int i = 0; i < 64; ++i) shapes[i] = 0;
  shapes[0] = 1;  // the palette
  for (int tile = 0; tile < 8; ++tile) {
    shapes[16 + 2 * tile] = TILE_BYTES;
    shapes[48 + tile] = tile < 6 ? rows : 16;
  }
  __asm__ volatile("ldtilecfg (%0)" : : "r"(shapes) : "memory");
}
static inline void releaseTiles(void) { __asm__ volatile("tilerelease" : : : "memory"); }

// Numbers of tiles are literals. `step`: bytes between rows.
#define CLEAR_TILE(tile) __asm__ volatile("tilezero %%tmm" #tile : : : "memory")
#define LOAD_TILE(tile, from, step) \
  __asm__ volatile("tileloadd (%0, %1, 1), %%tmm" #tile : : "r"((size_t)(from)), "r"((size_t)(step)) : "memory")
#define STORE_TILE(tile, to) \
  __asm__ volatile("tilestored %%tmm" #tile ", (%0, %1, 1)" : : "r"((size_t)(to)), "r"((size_t)TILE_BYTES) : "memory")
#define MULTIPLY_TILES(sums, inputs, weights) \
  __asm__ volatile("tdpbssd %%tmm" #weights ", %%tmm" #inputs ", %%tmm" #sums : : : "memory")
