// ROUNDED(x): rint(x) of floats, or vectors of them, below 2^22 in size: what lies between whole numbers is lost in a sum of
// 1.5 * 2^23, which is rounded to even as every sum is. PoCL's rint takes thirty instructions.
#define ROUNDED(x) (((x) + 12582912.0f) - 12582912.0f)
