// transpose16: a 16 x 16 matrix in 16 vectors, rows become columns. Define TRANSPOSE_T, a 16-wide vector type, before
// including. Each of the four rounds interleaves vector i with vector i + 8, which rotates the eight bits of a place
// (vector, lane) by one.
static inline void transpose16(TRANSPOSE_T* v) {
  TRANSPOSE_T t[16];
#pragma unroll
  for (int round = 0; round < 4; ++round) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      t[2 * i].even = v[i].lo;
      t[2 * i].odd = v[i + 8].lo;
      t[2 * i + 1].even = v[i].hi;
      t[2 * i + 1].odd = v[i + 8].hi;
    }
#pragma unroll
    for (int i = 0; i < 16; ++i) v[i] = t[i];
  }
}
