// The search, with times that are made up.
#include "tune/search/tactic_search.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tessera {
namespace {

// A valley whose floor is at TX=12, TK=3; TX * TK <= 40.
struct Valley {
  TacticSpace space{
      {{"TX", {1, 2, 4, 6, 8, 10, 12, 14, 16, 20}}, {"TK", {1, 2, 3, 4}}, {"R", {1, 2, 4, 8}}},
      {{"too many registers", [](const Tactic& t) { return t.get("TX") * t.get("TK") <= 40; }}}};
  int measured = 0;
  std::vector<std::string> order;
  std::set<std::string> wrong;  // texts

  static double time(const Tactic& t) {
    return 1 + 0.1 * std::abs(t.get("TX") - 12) + 0.5 * std::abs(t.get("TK") - 3) +
           0.05 * std::log2(t.get("R"));
  }
  Measure measure() {
    return [this](const std::vector<Tactic>& tactics, double best) {
      std::vector<Trial> trials;
      for (const Tactic& t : tactics) {
        EXPECT_TRUE(space.contains(t)) << t.text();
        order.push_back(t.text());
        ++measured;
        if (wrong.count(t.text()))
          trials.push_back({Trial::Outcome::Wrong, 0, "planted"});
        else if (best > 0 && time(t) > 3 * best)
          trials.push_back({Trial::Outcome::Slow, time(t), ""});
        else
          trials.push_back({Trial::Outcome::Good, time(t), ""});
      }
      return trials;
    };
  }
};

const Tactic kPoor{{"TX", 1}, {"TK", 1}, {"R", 8}};

TEST(Search, FindsTheFloorOfAValleyWithoutTryingEverything) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Valley valley;
    SearchOptions options;
    options.seed = seed;
    const auto result = searchTactics(valley.space, {kPoor}, valley.measure(), options);
    ASSERT_GE(result.best, 0);
    EXPECT_LE(Valley::time(result.tried[result.best].tactic), 1.12) << seed;
    EXPECT_EQ(valley.order.front(), kPoor.text()) << "heuristics come first";
    EXPECT_LT(valley.measured, 120);
  }
}

TEST(Search, TriesNothingTwiceAndNothingBad) {
  Valley valley;
  SearchOptions options;
  options.bad = {"TX=12,TK=3,R=1", "TX=12,TK=3,R=2"};
  options.patience = 1000;
  const auto result = searchTactics(valley.space, {kPoor}, valley.measure(), options);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < result.tried.size(); ++i) {
    EXPECT_TRUE(seen.insert(result.tried[i].tactic.text()).second)
        << "twice: " << result.tried[i].tactic.text();
    EXPECT_FALSE(options.bad.count(result.tried[i].tactic.text()));
  }
  EXPECT_EQ(result.tried.size(), valley.space.members().size() - 2)
      << "patience was long enough for all of them";
}

TEST(Search, EqualProgramsAreTriedOnce) {
  Valley valley;
  SearchOptions options;
  options.patience = 1000;
  options.identity = [](const Tactic& t) { return std::to_string(t.get("TX")); };
  const auto result = searchTactics(valley.space, {kPoor}, valley.measure(), options);
  EXPECT_EQ(result.tried.size(), 10u);
}

TEST(Search, AWrongCandidateNeverWins) {
  Valley valley;
  for (const Tactic& t : valley.space.members())
    if (Valley::time(t) < 1.3) valley.wrong.insert(t.text());
  const auto result = searchTactics(valley.space, {kPoor}, valley.measure(), {});
  ASSERT_GE(result.best, 0);
  EXPECT_GE(Valley::time(result.tried[result.best].tactic), 1.3);
  EXPECT_EQ(result.tried[result.best].trial.outcome, Trial::Outcome::Good);
}

TEST(Search, NothingGoodGivesNothing) {
  Valley valley;
  for (const Tactic& t : valley.space.members()) valley.wrong.insert(t.text());
  EXPECT_EQ(searchTactics(valley.space, {kPoor}, valley.measure(), {}).best, -1);
}

TEST(Search, TiesGoToTheOneTriedFirst) {
  const TacticSpace space{{{"A", {1, 2, 3, 4, 5, 6, 7, 8}}}, {}};
  const Measure measure = [](const std::vector<Tactic>& tactics, double) {
    std::vector<Trial> trials;
    for (const Tactic& t : tactics) trials.push_back({Trial::Outcome::Good, 1 - 0.001 * t.get("A"), ""});
    return trials;
  };
  const auto result = searchTactics(space, {Tactic{{"A", 3}}}, measure, {});
  EXPECT_EQ(result.tried[result.best].tactic.text(), "A=3") << "less than 2 % is noise";
}

TEST(Search, ATimeThatNoiseFlatteredIsMeasuredAgain) {
  const TacticSpace space{{{"A", {1, 2, 3, 4, 5, 6, 7, 8}}}, {}};
  std::map<int, int> times;
  const Measure measure = [&](const std::vector<Tactic>& tactics, double) {
    std::vector<Trial> trials;
    for (const Tactic& t : tactics) {
      const int a = t.get("A");
      const bool lucky = a == 5 && times[a]++ == 0;  // once only
      trials.push_back({Trial::Outcome::Good, lucky ? 0.1 : a == 2 ? 0.8 : 1.0, ""});
    }
    return trials;
  };
  const auto result = searchTactics(space, {Tactic{{"A", 1}}}, measure, {});
  EXPECT_EQ(result.tried[result.best].tactic.text(), "A=2");
}

TEST(Search, ManyFlatteredTimesAreAllMeasuredAgain) {
  const TacticSpace space{{{"A", {1, 2, 3, 4, 5, 6, 7, 8}}}, {}};
  std::map<int, int> times;
  const Measure measure = [&](const std::vector<Tactic>& tactics, double) {
    std::vector<Trial> trials;
    for (const Tactic& t : tactics) {
      const int a = t.get("A");
      const bool lucky = a >= 4 && times[a]++ == 0;  // five of them: more than one play-off takes
      trials.push_back({Trial::Outcome::Good, lucky ? 0.1 : a == 2 ? 0.8 : 1.0, ""});
    }
    return trials;
  };
  const auto result = searchTactics(space, {Tactic{{"A", 1}}}, measure, {});
  EXPECT_EQ(result.tried[result.best].tactic.text(), "A=2");
}

TEST(Search, StopsWhenTimeIsUpAndAfterTheMostCandidates) {
  Valley valley;
  SearchOptions options;
  options.outOfTime = [&] { return valley.measured >= 8; };
  searchTactics(valley.space, {kPoor}, valley.measure(), options);
  EXPECT_LE(valley.measured, 8 + 4 + 4) << "a batch and the play-off may follow";
  Valley other;
  SearchOptions few;
  few.most = 3;
  EXPECT_EQ(searchTactics(other.space, {kPoor}, other.measure(), few).tried.size(), 3u);
}

TEST(Search, ASpaceWithoutParametersIsOneCandidate) {
  int measured = 0;
  const Measure measure = [&](const std::vector<Tactic>& tactics, double) {
    measured += static_cast<int>(tactics.size());
    return std::vector<Trial>(tactics.size(), Trial{Trial::Outcome::Good, 1, ""});
  };
  EXPECT_EQ(searchTactics({}, {Tactic{}}, measure, {}).best, 0);
  EXPECT_EQ(measured, 1);
}

TEST(Search, NeighboursAreMembersOneStepAway) {
  const Valley valley;
  const auto near = neighbours(valley.space, {{"TX", 12}, {"TK", 3}, {"R", 1}});
  EXPECT_FALSE(near.empty());
  for (const Tactic& t : near) EXPECT_TRUE(valley.space.contains(t)) << t.text();
  const auto has = [&](const Tactic& t) { return std::find(near.begin(), near.end(), t) != near.end(); };
  EXPECT_TRUE(has({{"TX", 10}, {"TK", 3}, {"R", 1}}));
  EXPECT_TRUE(has({{"TX", 10}, {"TK", 4}, {"R", 1}})) << "one step in two parameters";
  EXPECT_FALSE(has({{"TX", 14}, {"TK", 3}, {"R", 1}})) << "against a constraint";
}

}  // namespace
}  // namespace tessera
