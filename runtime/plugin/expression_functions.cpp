// Functions and operators of expressions.
#include <algorithm>
#include <cmath>

#include "plugin/expression_code.hpp"

namespace tessera {
namespace {

double floorDivision(const double* a) { return std::floor(a[0] / a[1]); }
// Of the divisor's sign, as in a // b * b + a % b == a.
double modulo(const double* a) { return a[0] - std::floor(a[0] / a[1]) * a[1]; }
double roundUpTo(const double* a) { return std::ceil(a[0] / a[1]) * a[1]; }
double clamp(const double* a) { return std::fmin(std::fmax(a[0], a[1]), a[2]); }
double sign(const double* a) { return a[0] > 0 ? 1 : a[0] < 0 ? -1 : a[0]; }

constexpr ExpressionFunction kFunctions[] = {
    {"+", 2, [](const double* a) { return a[0] + a[1]; }},
    {"-", 2, [](const double* a) { return a[0] - a[1]; }},
    {"*", 2, [](const double* a) { return a[0] * a[1]; }},
    {"/", 2, [](const double* a) { return a[0] / a[1]; }},
    {"//", 2, floorDivision},
    {"%", 2, modulo},
    {"==", 2, [](const double* a) -> double { return a[0] == a[1]; }},
    {"!=", 2, [](const double* a) -> double { return a[0] != a[1]; }},
    {"<", 2, [](const double* a) -> double { return a[0] < a[1]; }},
    {"<=", 2, [](const double* a) -> double { return a[0] <= a[1]; }},
    {">", 2, [](const double* a) -> double { return a[0] > a[1]; }},
    {">=", 2, [](const double* a) -> double { return a[0] >= a[1]; }},
    {"negative", 1, [](const double* a) { return -a[0]; }},
    {"not", 1, [](const double* a) -> double { return a[0] == 0; }},
    {"abs", 1, [](const double* a) { return std::fabs(a[0]); }},
    {"sqrt", 1, [](const double* a) { return std::sqrt(a[0]); }},
    {"exp", 1, [](const double* a) { return std::exp(a[0]); }},
    {"expm1", 1, [](const double* a) { return std::expm1(a[0]); }},
    {"log", 1, [](const double* a) { return std::log(a[0]); }},
    {"log1p", 1, [](const double* a) { return std::log1p(a[0]); }},
    {"log2", 1, [](const double* a) { return std::log2(a[0]); }},
    {"pow", 2, [](const double* a) { return std::pow(a[0], a[1]); }},
    {"sin", 1, [](const double* a) { return std::sin(a[0]); }},
    {"cos", 1, [](const double* a) { return std::cos(a[0]); }},
    {"tan", 1, [](const double* a) { return std::tan(a[0]); }},
    {"asin", 1, [](const double* a) { return std::asin(a[0]); }},
    {"acos", 1, [](const double* a) { return std::acos(a[0]); }},
    {"atan", 1, [](const double* a) { return std::atan(a[0]); }},
    {"atan2", 2, [](const double* a) { return std::atan2(a[0], a[1]); }},
    {"sinh", 1, [](const double* a) { return std::sinh(a[0]); }},
    {"cosh", 1, [](const double* a) { return std::cosh(a[0]); }},
    {"tanh", 1, [](const double* a) { return std::tanh(a[0]); }},
    {"erf", 1, [](const double* a) { return std::erf(a[0]); }},
    {"floor", 1, [](const double* a) { return std::floor(a[0]); }},
    {"ceil", 1, [](const double* a) { return std::ceil(a[0]); }},
    {"rint", 1, [](const double* a) { return std::nearbyint(a[0]); }},
    {"trunc", 1, [](const double* a) { return std::trunc(a[0]); }},
    {"sign", 1, sign},
    {"min", 2, [](const double* a) { return std::fmin(a[0], a[1]); }},
    {"max", 2, [](const double* a) { return std::fmax(a[0], a[1]); }},
    {"clamp", 3, clamp},
    {"roundup", 2, roundUpTo},
};

}  // namespace

std::span<const ExpressionFunction> expressionFunctions() { return kFunctions; }

std::size_t findExpressionFunction(std::string_view name) {
  return std::ranges::find(kFunctions, name, &ExpressionFunction::name) - std::begin(kFunctions);
}

}  // namespace tessera
