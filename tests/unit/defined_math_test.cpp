// The functions of common/defined_math.cl on the host: their error against double, and their edges.
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "ops/defined_math.hpp"

namespace tessera {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The greatest error in units of the last place over floats of all sizes in [low, high]. What is below the
/// smallest normal number may be 0.
template <class Function, class Exact>
double worstError(Function function, Exact exact, float low, float high) {
  double worst = 0;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 2999) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!(x >= low && x <= high)) continue;
    const double wanted = exact(static_cast<double>(x));
    const float got = function(x), nearest = static_cast<float>(wanted);
    if (std::isnan(nearest) && std::isnan(got)) continue;
    if (!std::isfinite(nearest) && got == nearest) continue;
    if (std::abs(wanted) < 0x1p-125) {
      EXPECT_LT(std::abs(got), 0x1p-124f) << x;
      continue;
    }
    const double unit = std::ldexp(1.0, std::ilogb(wanted) - 23);
    worst = std::max(worst, std::abs(static_cast<double>(got) - wanted) / unit);
  }
  return worst;
}

#define EXPECT_WITHIN(ulps, name, low, high) \
  EXPECT_LT(worstError([](float x) { return name(x); }, [](double x) { return name(x); }, low, high), ulps)

TEST(DefinedMath, IsWithinAFewUnits) {
  EXPECT_WITHIN(0.8, definedExp, -kInfinity, kInfinity);
  EXPECT_WITHIN(1.4, definedExpm1, -kInfinity, kInfinity);
  EXPECT_WITHIN(1, definedLog, 0x1p-126f, kInfinity);
  EXPECT_WITHIN(1.4, definedLog1p, 0, 1);
  EXPECT_WITHIN(1.6, definedTanh, -kInfinity, kInfinity);
  EXPECT_WITHIN(1.2, definedErf, -kInfinity, kInfinity);
  EXPECT_WITHIN(1.9, definedSigmoid, -86.0f, kInfinity);
  EXPECT_LT(worstError([](float x) { return definedReciprocal(x); }, [](double x) { return 1 / x; },
                       0x1p-126f, 0x1p125f),
            1.2);
  EXPECT_WITHIN(2.5, definedTanhOfSoftplus, -80.0f, kInfinity);
}

// Devices may take what is below the smallest normal number for 0, and so do these functions.
float flushed(float x) { return std::abs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }

bool sameNumber(float a, float b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

TEST(DefinedMath, RoundsQuotientsAndRootsToNearest) {
  std::mt19937 random(7);
  const auto any = [&] { return flushed(std::bit_cast<float>(static_cast<std::uint32_t>(random()))); };
  const auto near = [&] {
    return std::bit_cast<float>((static_cast<std::uint32_t>(random()) & 0x807fffffu) | 0x3f800000u);
  };
  for (int i = 0; i < 1 << 20; ++i) {
    const float a = i % 2 ? any() : near(), b = i % 4 < 2 ? any() : near(), root = std::sqrt(std::abs(a));
    ASSERT_TRUE(sameNumber(definedDivide(a, b), flushed(a / b))) << std::hexfloat << a << " / " << b;
    ASSERT_TRUE(sameNumber(definedSqrt(std::abs(a)), root)) << std::hexfloat << a;
  }
}

TEST(DefinedMath, DividesByNothingAndByEverything) {
  const float edges[] = {0.0f,       -0.0f,         1.0f,      -3.0f,          kInfinity,
                         -kInfinity, std::nanf(""), 0x1p-126f, 0x1.fffffep127f};
  for (const float a : edges)
    for (const float b : edges)
      EXPECT_TRUE(sameNumber(definedDivide(a, b), flushed(a / b))) << a << " / " << b;
  for (const float a : edges) EXPECT_TRUE(sameNumber(definedSqrt(a), a == 0 ? 0.0f : std::sqrt(a))) << a;
}

TEST(DefinedMath, KeepsNanAndKnowsItsEdges) {
  const float nan = std::nanf("");
  for (const float y :
       {definedExp(nan), definedExpm1(nan), definedLog(nan), definedTanh(nan), definedErf(nan),
        definedSigmoid(nan), definedReciprocal(nan), definedTanhOfSoftplus(nan), definedLog(-1.0f)})
    EXPECT_TRUE(std::isnan(y));
  EXPECT_EQ(definedExp(-kInfinity), 0);
  EXPECT_EQ(definedExp(89.0f), kInfinity);
  EXPECT_EQ(definedExp(0.0f), 1);
  EXPECT_EQ(definedExpm1(-kInfinity), -1);
  EXPECT_EQ(definedLog(0.0f), -kInfinity);
  EXPECT_EQ(definedLog(kInfinity), kInfinity);
  EXPECT_EQ(definedLog(1.0f), 0);
  EXPECT_EQ(definedTanh(kInfinity), 1);
  EXPECT_EQ(definedErf(-kInfinity), -1);
  EXPECT_EQ(definedSigmoid(-kInfinity), 0);
  EXPECT_EQ(definedSigmoid(0.0f), 0.5f);
}

}  // namespace
}  // namespace tessera
