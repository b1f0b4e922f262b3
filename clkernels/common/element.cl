// Elements of activations in memory, f32 in arithmetic.
//
// P_ELEMENT  0 f32, 1 f16 (vload_half needs no extension), 2 i8, 3 u8
// P_WIDTH    elements a value holds: 1, 2, 4, 8 or 16; VALUE is float or a vector of floats
//
// loadElement(p, i), storeElement(v, p, i) move one element, loadValue and storeValue P_WIDTH neighbours.
#ifndef P_WIDTH
#error "define P_WIDTH before including common/element.cl"
#endif
#define ELEMENT_CAT_(a, b) a##b
#define ELEMENT_CAT(a, b) ELEMENT_CAT_(a, b)
#if P_WIDTH == 1
#define VALUE float
#define ELEMENT_VLOAD(p, i) ((p)[i])
#define ELEMENT_VSTORE(v, p, i) ((p)[i] = (v))
#define ELEMENT_FLOAT convert_float
#else
#define VALUE ELEMENT_CAT(float, P_WIDTH)
#define ELEMENT_VLOAD(p, i) ELEMENT_CAT(vload, P_WIDTH)(0, (p) + (i))
#define ELEMENT_VSTORE(v, p, i) ELEMENT_CAT(vstore, P_WIDTH)(v, 0, (p) + (i))
#define ELEMENT_FLOAT ELEMENT_CAT(convert_float, P_WIDTH)
#endif

#if P_ELEMENT == 0
#define ELEMENT float
#define loadElement(p, i) ((p)[i])
#define storeElement(v, p, i) ((p)[i] = (v))
#define loadValue(p, i) ELEMENT_VLOAD(p, i)
#define storeValue(v, p, i) ELEMENT_VSTORE(v, p, i)
#elif P_ELEMENT == 1
#define ELEMENT half
#define loadElement(p, i) vload_half(i, p)
#define storeElement(v, p, i) vstore_half(v, i, p)
#if P_WIDTH == 1
#define loadValue(p, i) vload_half(i, p)
#define storeValue(v, p, i) vstore_half(v, i, p)
#else
#define loadValue(p, i) ELEMENT_CAT(vload_half, P_WIDTH)(0, (p) + (i))
#define storeValue(v, p, i) ELEMENT_CAT(vstore_half, P_WIDTH)(v, 0, (p) + (i))
#endif
#else
#if P_ELEMENT == 2
#define ELEMENT char
#else
#define ELEMENT uchar
#endif
#if P_WIDTH == 1
#define ELEMENT_NARROW ELEMENT_CAT(ELEMENT_CAT(convert_, ELEMENT), _sat)
#else
#define ELEMENT_NARROW ELEMENT_CAT(ELEMENT_CAT(ELEMENT_CAT(convert_, ELEMENT), P_WIDTH), _sat)
#endif
#define loadElement(p, i) convert_float((p)[i])
#define storeElement(v, p, i) ((p)[i] = ELEMENT_CAT(ELEMENT_CAT(convert_, ELEMENT), _sat)(v))
#define loadValue(p, i) ELEMENT_FLOAT(ELEMENT_VLOAD(p, i))
#define storeValue(v, p, i) ELEMENT_VSTORE(ELEMENT_NARROW(v), p, i)
#endif
