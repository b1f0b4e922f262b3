// The rows of clkernels/common/pointwise.def as C++ functions and as kernel text.
#include "ops/pointwise.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "ops/defined_math.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

#define INTEGER std::int64_t
#define UNSIGNED std::uint64_t
#include "clkernels/common/pointwise_integer.cl"
#undef INTEGER
#undef UNSIGNED

using std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atanh, std::ceil, std::cos, std::cosh,
    std::fabs, std::floor, std::fmax, std::fmin, std::fmod, std::pow, std::rint, std::sin, std::sinh,
    std::sqrt, std::tan;

#define LIT(value) static_cast<T>(value)

// Functions over float, double (function template T) and int64_t.
#define TESSERA_UNARY(name, isActivation, defaultAlpha, defaultBeta, expression) \
  template <class T>                                                             \
  T real##name(T x, T, T alpha, T beta) {                                        \
    return expression;                                                           \
  }
#define TESSERA_PREDICATE(name, defaultAlpha, defaultBeta, condition) \
  template <class T>                                                  \
  T real##name(T x, T, T alpha, T beta) {                             \
    return (condition) ? T(1) : T(0);                                 \
  }
#define TESSERA_BINARY(name, isActivation, expression, integerExpression)                        \
  template <class T>                                                                             \
  T real##name(T a, T b, T alpha, T) {                                                           \
    return expression;                                                                           \
  }                                                                                              \
  std::int64_t integer##name(std::int64_t a, std::int64_t b, std::int64_t alpha, std::int64_t) { \
    using T = std::int64_t;                                                                      \
    return LIT(integerExpression);                                                               \
  }
#define TESSERA_CONDITION(name, condition)                                                 \
  template <class T>                                                                       \
  T real##name(T a, T b, T, T) {                                                           \
    return (condition) ? T(1) : T(0);                                                      \
  }                                                                                        \
  std::int64_t integer##name(std::int64_t a, std::int64_t b, std::int64_t, std::int64_t) { \
    using T [[maybe_unused]] = std::int64_t;                                               \
    return condition;                                                                      \
  }
#define TESSERA_COMPARE(name, condition) TESSERA_CONDITION(name, condition)
#define TESSERA_LOGIC(name, condition) TESSERA_CONDITION(name, condition)
#define TESSERA_BITS(name, integerExpression)                                              \
  std::int64_t integer##name(std::int64_t a, std::int64_t b, std::int64_t, std::int64_t) { \
    return integerExpression;                                                              \
  }
#include "clkernels/common/pointwise.def"

#define TESSERA_UNARY_INTEGER(name, expression)                                                     \
  std::int64_t integer##name(std::int64_t x, std::int64_t, std::int64_t alpha, std::int64_t beta) { \
    using T = std::int64_t;                                                                         \
    return LIT(expression);                                                                         \
  }
#include "clkernels/common/pointwise.def"

std::vector<PointwiseOp> makeTable() {
  using Kind = PointwiseKind;
  std::vector<PointwiseOp> rows;
#define TESSERA_UNARY(name, isActivation, defaultAlpha, defaultBeta, expression)                     \
  rows.push_back({#name, Kind::Unary, isActivation != 0, defaultAlpha, defaultBeta, #expression, "", \
                  real##name<float>, real##name<double>, nullptr});
#define TESSERA_PREDICATE(name, defaultAlpha, defaultBeta, condition)                       \
  rows.push_back({#name, Kind::Predicate, false, defaultAlpha, defaultBeta, #condition, "", \
                  real##name<float>, real##name<double>, nullptr});
#define TESSERA_BINARY(name, isActivation, expression, integerExpression)                        \
  rows.push_back({#name, Kind::Binary, isActivation != 0, 0, 0, #expression, #integerExpression, \
                  real##name<float>, real##name<double>, integer##name});
#define TESSERA_COMPARE(name, condition)                                                        \
  rows.push_back({#name, Kind::Compare, false, 0, 0, #condition, #condition, real##name<float>, \
                  real##name<double>, integer##name});
#define TESSERA_LOGIC(name, condition)                                                        \
  rows.push_back({#name, Kind::Logic, false, 0, 0, #condition, #condition, real##name<float>, \
                  real##name<double>, integer##name});
#define TESSERA_BITS(name, integerExpression) \
  rows.push_back({#name, Kind::Bits, false, 0, 0, "", #integerExpression, nullptr, nullptr, integer##name});
#include "clkernels/common/pointwise.def"
#define TESSERA_UNARY_INTEGER(rowName, text) \
  for (PointwiseOp & row : rows)             \
    if (row.name == #rowName) {              \
      row.integerExpression = #text;         \
      row.integer = integer##rowName;        \
    }
#include "clkernels/common/pointwise.def"
  return rows;
}

}  // namespace

const std::vector<PointwiseOp>& pointwiseTable() {
  static const std::vector<PointwiseOp> table = makeTable();
  return table;
}

const PointwiseOp* findPointwise(std::string_view name) {
  static const auto byName = [] {
    std::map<std::string_view, const PointwiseOp*> map;
    for (const PointwiseOp& row : pointwiseTable()) map.emplace(row.name, &row);
    return map;
  }();
  const auto it = byName.find(name);
  return it == byName.end() ? nullptr : it->second;
}

std::vector<std::string> activationNames() {
  std::vector<std::string> names;
  for (const PointwiseOp& row : pointwiseTable())
    if (row.activation) names.emplace_back(row.name);
  return names;
}

bool isActivation(std::string_view name) {
  const PointwiseOp* row = findPointwise(name);
  return row && row->activation;
}

PointwiseConstants pointwiseConstants(const PointwiseOp& op, const Attributes& attrs) {
  return {static_cast<float>(attrs.number("alpha", op.alpha)),
          static_cast<float>(attrs.number("beta", op.beta))};
}

std::int64_t saturatedInteger(double value) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (std::isnan(value)) return 0;
  if (value >= 9223372036854775808.0) return Limits::max();
  if (value <= -9223372036854775808.0) return Limits::min();
  return static_cast<std::int64_t>(value);
}

float applyActivation(std::string_view activation, float x, float alpha, float beta, float slope) {
  if (activation.empty()) return x;
  const PointwiseOp* row = findPointwise(activation);
  if (!row || !row->activation)
    throw Error(ErrorCode::InvalidArgument, "'" + std::string(activation) + "' is not an activation");
  return row->single(x, slope, alpha, beta);
}

}  // namespace tessera
