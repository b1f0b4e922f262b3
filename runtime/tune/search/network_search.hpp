/// \file
/// What a network needs measured, and how the time is spread over it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tune/search/jobs.hpp"
#include "tune/search/problem_search.hpp"
#include "tune/search/search_marks.hpp"

namespace tessera {

class NetworkSearch {
 public:
  NetworkSearch(LookUp& known, Trials& trials, Budget& budget, const TuneOptions& options)
      : known_(known), trials_(trials), budget_(budget), options_(options), marks_(known, budget) {}

  bool nothingOpen(const Graph& graph) const { return marks_.nothingOpen(graph); }
  /// Measures what lowering `graph` may choose from, and searches for faster tactics. Stops when the share
  /// `until` (0 to 1) of the budget's time for searches is spent.
  void search(const Graph& graph, double until);
  /// How the network ran before TuneMode::Full searched it; null where nothing is known.
  const Recipe* before(const Graph& graph) const;
  double seconds() const { return seconds_; }  ///< spent on searches

 private:
  /// Ways to run a job that are to be timed side by side.
  struct Comparison {
    Job* job = nullptr;
    std::vector<Way> ways;
  };
  /// A way whose tactics are searched.
  struct Target {
    Way way;
    std::string layer;
    Job* job = nullptr;
    double ms = 0;  ///< of the network's time
  };

  void rememberBefore(const Graph& graph);
  void searchJobs(const Graph& graph, std::vector<Job>& jobs);
  std::vector<Comparison> comparisonsOf(std::vector<Job>& jobs) const;
  /// In order, until that share of the search's time is over. `fractions` of the whole search: where it is
  /// before and afterwards. `after`: each.
  void measure(const std::vector<Comparison>& comparisons, double share, std::pair<double, double> fractions,
               const std::function<void()>& after = {});
  void findRightWays(const std::vector<Job>& jobs);
  std::vector<Target> targetsOf(const Graph& graph, std::vector<Job>& jobs) const;
  void searchTactics(const std::vector<Target>& targets, const std::vector<Job>& jobs);
  double millisecondsOf(const Way& way) const;
  void updateTimes(const std::vector<Job>& jobs);
  void tell(const std::string& layer, double fraction);

  LookUp& known_;
  Trials& trials_;
  Budget& budget_;
  const TuneOptions& options_;
  SearchMarks marks_;
  std::map<std::string, Recipe> before_;  ///< by networkKey()
  double seconds_ = 0;
  double untunedMs_ = 0, bestMs_ = 0;
};

}  // namespace tessera
