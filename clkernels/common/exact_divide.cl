// exactDivide: a / b rounded once on values of type VALUE (float or a vector of it) by a small whole number, on devices whose
// division is not: the remainder is exact, so two corrections reach the nearest. Define VALUE before including.
static inline VALUE exactDivide(VALUE a, float b) {
  const VALUE divisor = (VALUE)(b), first = a / divisor;
  VALUE q = fma(fma(-first, divisor, a), (VALUE)(1.0f / b), first);
  q = fma(fma(-q, divisor, a), (VALUE)(1.0f / b), q);
  return first - first == (VALUE)(0.0f) ? q : first;  // infinities have no remainder
}
