// Offsets of an image's elements, planar or blocked by channels (see Layout in tessera/tensor.hpp):
//   offset(n, c, p) = base + n * batchStride + ((c / block) * plane + p) * block + c % block
// p     position within the spatial extents, row-major: y * W + x, or (z * H + y) * W + x
// plane spatial positions in all
// Block 1 is planar: base + n * batchStride + c * plane + p.
// Lanes of the last block beyond the channels hold zeros; whoever writes a blocked image writes them, too.

static inline int imageOffset(int n, int c, int p, int plane, int block, int base, int batchStride) {
  return base + n * batchStride + ((c / block) * plane + p) * block + c % block;
}

// Where element e (row-major) of a planar tensor lies, whose batch items of `item` elements are `batch` apart.
// Dense tensors come with one huge item.
static inline int place(int e, int offset, int item, int batch) { return offset + e / item * batch + e % item; }
