// exactQuotient: a / b rounded once, on devices whose division is not: the remainder is exact, so two corrections reach
// the nearest. For what a comparison or a rounding depends on; exact_divide.cl is its like for vectors.
static inline float exactQuotient(float a, float b) {
  float q = a / b;
  q = fma(fma(-q, b, a), 1.0f / b, q);
  return fma(fma(-q, b, a), 1.0f / b, q);
}
