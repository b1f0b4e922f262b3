/// \file
/// The search for a fast tactic of one problem. Knows neither OpenCL nor families: a function measures for
/// it.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "clkernels/params.hpp"

namespace tessera {

/// What trying one candidate gave.
struct Trial {
  enum class Outcome {
    Good,   ///< right, and timed
    Slow,   ///< given up early: far slower than the best
    Wrong,  ///< wrong result, does not build, crashed or hung: never to be tried again
  } outcome = Outcome::Slow;
  double milliseconds = 0;  ///< Good: median of a pass; Slow: what was seen
  std::string reason;       ///< Wrong: why
  bool checked = false;     ///< Good: its results have been compared
};

/// Measures tactics in order; `best` is the time to beat in milliseconds, 0 where there is none yet. May
/// return fewer trials than it was given (out of time). A Good trial below `best` has been checked.
using Measure = std::function<std::vector<Trial>(const std::vector<Tactic>&, double best)>;

struct SearchOptions {
  std::size_t most = 1000;    ///< candidates to try
  std::size_t batch = 4;      ///< handed to `measure` at once
  std::size_t patience = 24;  ///< give up after so many without progress
  unsigned seed = 1;
  std::function<bool()> outOfTime = [] { return false; };
  std::set<std::string> bad;  ///< texts of tactics not to be tried
  /// Equal texts stand for equal programs and ranges: only the first of them is tried.
  std::function<std::string(const Tactic&)> identity = [](const Tactic& t) { return t.text(); };
  /// Expected time, any unit: random picks are drawn several at a time and the most promising is taken.
  /// Optional.
  std::function<double(const Tactic&)> expected;
};

struct SearchResult {
  struct Tried {
    Tactic tactic;
    Trial trial;
  };
  std::vector<Tried> tried;  ///< in order
  int best = -1;             ///< index into `tried`; -1: nothing good was found
};

/// The median of the faster half: what else runs on the machine only ever adds time. At least one sample.
double typicalTime(std::vector<double> samples);

/// A later candidate replaces an earlier one only where it is faster by more than this: ties go to the
/// plainer.
inline constexpr double kTie = 0.98;

/// Tries `first` (heuristics, in order; those outside `space` are left out unless they are the only one),
/// then random members of the space and neighbours of the best in turns; at the end the leaders once more
/// against each other.
SearchResult searchTactics(const TacticSpace& space, const std::vector<Tactic>& first, const Measure& measure,
                           const SearchOptions& options);

/// Members that differ from `tactic` by one step in one parameter, or by one step in two.
std::vector<Tactic> neighbours(const TacticSpace& space, const Tactic& tactic);

}  // namespace tessera
