/// \file
/// What was searched before: records of problems, and of whole networks, whose problems then need not even be
/// listed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tune/look_up.hpp"
#include "tune/search/budget.hpp"
#include "tune/search/jobs.hpp"

namespace tessera {

class SearchMarks {
 public:
  SearchMarks(LookUp& known, const Budget& budget) : known_(known), budget_(budget) {}

  /// Whether a search of the problem was ended, in this mode or a better one, and what it found is still
  /// there.
  bool searched(const Job& job) const;
  void markSearched(const Job& job);
  /// Whether nothing is left to search in the network: every record that listing its problems would ask for
  /// is there.
  bool nothingOpen(const Graph& graph) const;
  void noteNothingOpen(const Graph& graph, const std::vector<Job>& jobs);

 private:
  bool covers(TuneMode mode, double budget) const;
  std::string subjectOf(const Job& job) const;
  std::uint64_t jobHash(const Job& job) const;
  std::uint64_t kernelsHash() const;  ///< of all families and kernel sources
  std::optional<TacticRecord> fastestOf(const Job& job) const;

  LookUp& known_;
  const Budget& budget_;
  mutable std::uint64_t kernelsHash_ = 0;
};

}  // namespace tessera
