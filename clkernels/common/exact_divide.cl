// exactDivide: a / b rounded once on values of type VALUE (float or a vector of it), on devices whose division is not: the
// remainder is exact, so two corrections reach the nearest. Define VALUE before including.
static inline VALUE exactDivide(VALUE a, float b) {
  const VALUE divisor = (VALUE)(b);
  VALUE q = a / divisor;
  q = fma(fma(-q, divisor, a), (VALUE)(1.0f / b), q);
  return fma(fma(-q, divisor, a), (VALUE)(1.0f / b), q);
}
