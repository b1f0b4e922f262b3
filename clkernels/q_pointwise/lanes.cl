// Vectors of T_L channels in memory, side by side (whole) or `plane` elements apart (lanes), as floats or codes.
#define LANES_CAT_(a, b) a##b
#define LANES_CAT(a, b) LANES_CAT_(a, b)
#define VALUE LANES_CAT(float, T_L)
#define CODES LANES_CAT(char, T_L)
#define LANES LANES_CAT(LANES_, T_L)
#define LANES_4 (int4)(0, 1, 2, 3)
#define LANES_16 (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

static inline VALUE wholeFloats(__global const float* x) { return *(__global const VALUE*)x; }
static inline VALUE wholeCodes(__global const char* x) { return LANES_CAT(convert_float, T_L)(*(__global const CODES*)x); }
static inline VALUE laneFloats(__global const float* x, int apart, int left) {
  float v[T_L];
#pragma unroll
  for (int l = 0; l < T_L; ++l) v[l] = l < left ? x[l * apart] : 0.0f;
  return LANES_CAT(vload, T_L)(0, v);
}
static inline VALUE laneCodes(__global const char* x, int apart, int left) {
  float v[T_L];
#pragma unroll
  for (int l = 0; l < T_L; ++l) v[l] = l < left ? (float)x[l * apart] : 0.0f;
  return LANES_CAT(vload, T_L)(0, v);
}
// One value per channel; P_TAIL 0: there are T_L of them.
static inline VALUE channelsFloats(__global const float* x, int left) {
  return P_TAIL ? laneFloats(x, 1, left) : LANES_CAT(vload, T_L)(0, x);
}
static inline VALUE channelsCodes(__global const char* x, int left) { return laneCodes(x, 1, left); }
static inline void storeWholeFloats(VALUE value, __global float* y) { *(__global VALUE*)y = value; }
static inline void storeWholeCodes(VALUE value, __global char* y) {
  *(__global CODES*)y = LANES_CAT(convert_char, T_L)(value);
}
static inline void storeLaneFloats(VALUE value, __global float* y, int apart, int left) {
  float v[T_L];
  LANES_CAT(vstore, T_L)(value, 0, v);
#pragma unroll
  for (int l = 0; l < T_L; ++l)
    if (l < left) y[l * apart] = v[l];
}
static inline void storeLaneCodes(VALUE value, __global char* y, int apart, int left) {
  float v[T_L];
  LANES_CAT(vstore, T_L)(value, 0, v);
#pragma unroll
  for (int l = 0; l < T_L; ++l)
    if (l < left) y[l * apart] = (char)v[l];
}
