/// \file
/// What is known on a device: tactics, times and recipes on record, and defaults. Engines look here; searches
/// add.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lower/recipe_chooser.hpp"
#include "lower/workspace.hpp"
#include "tessera/tuning.hpp"
#include "tune/defaults.hpp"
#include "tune/records/precision_choice.hpp"
#include "tune/records/record_store.hpp"

namespace tessera {

/// Where the tactics of a network came from: parts of TuneReport.
struct TacticSources {
  std::size_t problems = 0, planned = 0, exact = 0, stale = 0, defaults = 0, fallback = 0;
};

/// A network as it is to run, and where its tactics came from.
struct Found {
  Recipe recipe;
  Lowered lowered;
  TacticSources sources;
};

/// Names a network by what its layouts depend on: operators and operands, in order.
std::string networkKey(const Graph& graph);

class LookUp {
 public:
  /// Reads the records that the options name. Throws Error(BadCache) where those that come with an
  /// application can not be read.
  LookUp(const DeviceCaps& caps, const TuneOptions& options);

  const DeviceCaps& caps() const { return caps_; }
  TuneMode mode() const { return mode_; }
  const RecordStore& store() const { return store_; }

  // One family on one problem.
  /// The record of a family on a view, where its tactic is valid.
  std::optional<RecordStore::Hit> find(const KernelFamily& family, const OpView& view) const;
  std::optional<double> seconds(const KernelFamily& family, const OpView& view) const;
  /// Whether the untuned tactic is known to be wrong, to crash or to hang, in this layout or another.
  bool fails(const KernelFamily& family, const OpView& view) const;
  /// Whether it is known to be wrong, to crash or to hang.
  bool isBad(const KernelFamily& family, const OpView& view, const Tactic& tactic) const;
  /// Default tactics of the device's class.
  std::vector<Tactic> defaultsFor(const KernelFamily& family, const Problem& problem) const {
    return defaults_.of(family, problem);
  }
  /// What runs without records: a default tactic, unless it is known to be bad here, or the family's own;
  /// where that is above the limit of the workspace, one near it that is not, if there is one.
  Tactic untuned(const KernelFamily& family, const Problem& problem) const;
  /// Of the kernels that a family runs a problem with: records of edited ones are not found.
  std::uint64_t sourceHash(const KernelFamily& family, const Problem& problem) const;
  /// Names a kernel on a problem, with its sources.
  std::string stepName(const KernelFamily& family, const OpView& view) const;

  // The limit of the workspace.
  const WorkspaceLimit& limit() const { return limit_; }
  /// Whether a family runs the operator in these layouts within the limit: untuned, or by its record.
  Verdict offered(const KernelFamily& family, const OpView& view, bool byRecords) const;
  /// The layers of `taken` whose kernels would be others without the limit.
  std::vector<LimitedLayer> limitedLayers(const Graph& graph, const Lowered& taken) const;

  // Whole networks.
  /// With the best known tactics: as an earlier race found, else in the layouts that the times predict.
  Found lower(const Graph& graph) const;
  /// With the best known tactics in these layouts; untuned where there are none.
  Found lowerAs(const Graph& graph, std::optional<LayoutChoice> layouts) const;
  /// None where the recipe does not fit the graph, or has a kernel that is known to be wrong; `why` then says
  /// so.
  std::optional<Lowered> lowerBy(const Graph& graph, const Recipe& recipe, std::string* why = nullptr) const;
  /// What an earlier race of the network found, and whether TuneMode::Full decided it. A record that does not
  /// hold any more is not used, with a warning.
  std::optional<Found> foundOnRecord(const Graph& graph) const;
  /// Whether a race of this device and driver was won, in this mode or a better one.
  bool raceIsWon(const Graph& graph) const;
  /// What an earlier race decided about precision; none where there was none, or it is to be decided anew: by
  /// Fast and Full with another driver, by Full after Fast. `rules`: the network by the rules; `rest`: see
  /// PrecisionOptions.
  std::optional<PrecisionDecision> recordedPrecision(const Graph& rules, Precision rest) const;
  /// As recordedPrecision(), whichever mode decided.
  std::optional<PrecisionDecision> decisionOnRecord(const Graph& rules, Precision rest) const;

  // What searches find.
  void add(const TacticRecord& record);
  /// Replaces the last one of its kind on the subject.
  template <class T>
  void note(const std::string& subject, std::uint64_t source, const T& note) {
    store_.add(subject, source, note);
  }
  /// What later builds take for the network.
  void recordRecipe(const Graph& graph, const Recipe& recipe, double milliseconds);
  void recordPrecision(const Graph& rules, Precision rest, const PrecisionDecision& decision);

 private:
  void takeShipped(const std::filesystem::path& file);
  void noteBad(const TacticRecord& record);
  Tactic choose(const KernelFamily& family, const Problem& problem, TacticSources& sources) const;
  Tactic untuned(const KernelFamily& family, const Problem& problem, TacticSources& sources) const;
  std::optional<Tactic> defaultTactic(const KernelFamily& family, const Problem& problem) const;
  ChosenRecipe choose(const Graph& graph, std::optional<LayoutChoice> layouts, TacticSources& sources) const;
  Found foundBy(const Graph& graph, Recipe recipe, TacticSources sources) const;
  std::uint64_t sourcesOf(const Lowered& lowered) const;
  bool hasBad(const Lowered& lowered) const;
  Tactic ownTactic(const KernelFamily& family, const Problem& problem) const;
  /// Of a record that is not used: once for each text.
  void warnOnce(const std::string& text) const;
  std::optional<RecordStore::Hit> bestRecord(const KernelFamily& family, const OpView& view) const;
  /// Subjects of what races and searches of the network found: under another limit, it is another network.
  std::string keyOf(const Graph& graph) const { return networkKey(graph) + limit_.key(); }
  std::string precisionKey(const Graph& rules, Precision rest) const;

  const DeviceCaps caps_;
  const TuneOptions options_;  ///< without the limit
  const TuneMode mode_;
  const WorkspaceLimit limit_;
  RecordStore store_;
  DefaultTactics defaults_;
  /// Families and planar problems whose untuned tactic is bad in some layout.
  std::set<std::string> failing_;
  mutable std::map<std::string, std::uint64_t>
      problemHashes_;  ///< by family and problem: planning takes its time
  mutable std::set<std::string> warned_;
};

/// How layouts can be chosen, the plainest first; none: untuned, families and tactics without any record.
inline constexpr std::pair<const char*, std::optional<LayoutChoice>> kLayoutChoices[] = {
    {"untuned", std::nullopt},
    {"estimated", LayoutChoice::Estimated},
    {"greedy", LayoutChoice::Greedy},
    {"planned", LayoutChoice::Planned}};

}  // namespace tessera
