/// \file
/// The search for the fastest tactic of one way to run a problem.
#pragma once

#include "tune/search/budget.hpp"
#include "tune/trial/trials.hpp"

namespace tessera {

class ProblemSearch {
 public:
  ProblemSearch(const LookUp& known, Trials& trials, const Budget& budget)
      : known_(known), trials_(trials), budget_(budget) {}

  /// Tries tactics for some seconds; false where the time was over before the search was.
  bool search(const Way& way, double seconds);
  /// Ways were timed at different moments, tactics of the fastest last: its rivals run against it once more,
  /// side by side, since a machine's speed drifts.
  void rematch(const std::vector<Way>& ways);

 private:
  std::string identityOf(const Way& way, const Problem& problem, const Tactic& tactic) const;

  const LookUp& known_;
  Trials& trials_;
  const Budget& budget_;
};

}  // namespace tessera
