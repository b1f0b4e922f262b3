/// \file
/// The tuner of one engine: what is known on the device, and the searches that find more.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tune/look_up.hpp"
#include "tune/search/network_search.hpp"
#include "tune/search/precision_search.hpp"
#include "tune/search/swaps.hpp"
#include "tune/trial/trials.hpp"

namespace tessera {

class Tuner {
 public:
  /// `runner`: null for one as the options ask.
  Tuner(const Device& device, const DeviceCaps& caps, const TuneOptions& options,
        std::unique_ptr<CandidateRunner> runner = nullptr);

  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  const LookUp& known() const { return known_; }

  /// Fast and Full: measures what lowering `graph` may choose from, and searches for faster tactics. Stops
  /// when the share `until` (0 to 1) of the time for searches is spent, counted from the tuner's first
  /// search.
  void tune(const Graph& graph, double until = 1);
  /// With the best known tactics: as an earlier race found, else in the layouts that the times predict.
  Found lower(const Graph& graph) const { return known_.lower(graph); }

  /// One way to run a network. Times of layers alone do not tell all, so networks that were tuned let these
  /// race.
  struct Variant {
    std::string name;
    Found found;
  };
  /// Those that differ, the plainest first; empty where there is nothing to race: nothing is to be
  /// tuned, or an earlier race was won.
  std::vector<Variant> variants(const Graph& graph) const;
  double raceSeconds() const { return budget_.raceSeconds(); }
  double refineSeconds() const { return budget_.refineSeconds(); }
  double spent() const { return budget_.elapsed(); }  ///< seconds since the first search began; 0 without one
  /// What later builds take for the network.
  void recordRecipe(const Graph& graph, const Recipe& recipe, double milliseconds);

  /// Fast and Full: ways to spread precision over a network that are worth a race; see PrecisionSearch.
  std::vector<PrecisionDecision> precisions(const Graph& optimized, const Network& rules,
                                            const std::optional<Network>& half);
  void recordPrecision(const Graph& rules, Precision rest, const PrecisionDecision& decision);

  // A network that is compared with the untuned one as a whole (build/network_check.hpp).
  /// The network without records.
  Found lowerUntuned(const Graph& graph) const { return known_.lowerAs(graph, std::nullopt); }
  void noteCheck(const NetworkCheck& check) { check_ = check; }
  /// A tuned network is wrong: the tactic of `step`, where that is to blame, is never taken again, and later
  /// builds take the untuned network, which is returned.
  Found reject(const Graph& graph, const Step* step, const std::string& reason);

  /// Fast and Full: keeps the compiled kernels of a network for the next start, where workers do that faster
  /// than one process. What they leave is the caller's.
  void savePrograms(const Lowered& lowered);

  /// What the searches did; `sources`: of the network that runs.
  TuneReport report(const TacticSources& sources = {}) const;

 private:
  const TuneOptions options_;
  LookUp known_;
  Budget budget_;
  Trials trials_;
  NetworkSearch networks_;
  NetworkCheck check_;
};

inline constexpr const char* kKept = "kept";  ///< name of the variant that ran before a search

}  // namespace tessera
