// Tactics: text form, typed form, spaces.
#include <gtest/gtest.h>

#include "clkernels/params.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

struct Typed {
  int tx = 8, tk = 2;
  static constexpr auto fields() {
    return std::tuple{Field<Typed>{"TX", &Typed::tx}, Field<Typed>{"TK", &Typed::tk}};
  }
};

TEST(Tactic, TextRoundTrips) {
  const Tactic tactic = toTactic(Typed{4, 3});
  EXPECT_EQ(tactic.text(), "TX=4,TK=3");
  EXPECT_EQ(Tactic::parse(tactic.text()), tactic);
  EXPECT_EQ(fromTactic<Typed>(tactic).tk, 3);
  EXPECT_TRUE(Tactic::parse("").values().empty());
}

TEST(Tactic, RefusesWhatIsNotItsText) {
  for (const char* bad : {"TX", "TX=", "=1", "TX=1x", "TX=1,,TK=2"})
    EXPECT_THROW(Tactic::parse(bad), Error) << bad;
}

TEST(TacticSpace, NamesTheBrokenConstraint) {
  const TacticSpace space{
      {{"TX", {1, 2, 4}}, {"TK", {1, 2}}},
      {{"TX * TK must stay below 8", [](const Tactic& t) { return t.get("TX") * t.get("TK") < 8; }}}};
  EXPECT_EQ(space.members().size(), 5u);
  EXPECT_EQ(space.whyNot(Tactic{{"TX", 4}, {"TK", 2}}), "TX * TK must stay below 8");
  EXPECT_EQ(space.whyNot(Tactic{{"TX", 3}, {"TK", 1}}), "TX=3 is not offered");
  EXPECT_TRUE(space.contains(Tactic{{"TX", 4}, {"TK", 1}}));
}

}  // namespace
}  // namespace tessera
