// Elements of activations: f32, or f16 in memory with f32 arithmetic (vload_half needs no extension).
//
// P_HALF  0 or 1
#if P_HALF
#define ELEMENT half
#define loadElement(p, i) vload_half(i, p)
#define storeElement(v, p, i) vstore_half(v, i, p)
#else
#define ELEMENT float
#define loadElement(p, i) ((p)[i])
#define storeElement(v, p, i) ((p)[i] = (v))
#endif
