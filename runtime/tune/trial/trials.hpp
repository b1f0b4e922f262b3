/// \file
/// Ways to run problems on their way to the device and into the records.
#pragma once

#include <memory>
#include <vector>

#include "lower/ways.hpp"
#include "tessera/tuning.hpp"
#include "tune/look_up.hpp"
#include "tune/trial/candidates.hpp"

namespace tessera {

/// Measures candidates, and records what is right and what must not be tried again.
class Trials {
 public:
  /// `runner`: null for one as the options ask.
  Trials(const Device& device, LookUp& known, const TuneOptions& options,
         std::unique_ptr<CandidateRunner> runner)
      : device_(device), known_(known), options_(options), runner_(std::move(runner)) {}

  /// Measures candidates of one problem and records them. `best`: milliseconds to beat, 0 where there are
  /// none; see CandidateRunner::run(). Throws Error(DeviceError) where one took the device with it.
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double best, bool checkAll);
  /// Times each way with its untuned tactic, unless that is on record.
  void measure(const std::vector<Way>& ways);
  /// Compiles what measure() will need, all at once, for several problems.
  void compileAhead(const std::vector<const std::vector<Way>*>& problems);
  /// Keeps the compiled kernels of a network for the next start, where workers do that faster than one
  /// process.
  void savePrograms(const Lowered& lowered, const std::filesystem::path& folder);
  /// How many candidates measure() would have to try for these ways.
  std::size_t unmeasured(const std::vector<Way>& ways) const;

  std::size_t tried() const { return tried_; }  ///< candidates so far
  std::size_t bad() const { return bad_; }      ///< of these, wrong, crashed or hung

 private:
  std::vector<Trial> tryCandidates(const std::vector<Candidate>& candidates, double best, bool checkAll);
  void needRunner();
  void record(const Candidate& candidate, const Trial& trial);
  /// Those without a record as candidates with their untuned tactics; `best`: milliseconds of the fastest on
  /// record, 0 where there is none.
  std::vector<Candidate> unmeasured(const std::vector<Way>& ways, double& best) const;

  Device device_;
  LookUp& known_;
  const TuneOptions& options_;
  std::unique_ptr<CandidateRunner> runner_;
  bool untried_ = false;  ///< the runner has a worker that has not answered yet
  std::size_t tried_ = 0, bad_ = 0;
};

}  // namespace tessera
