/// \file
/// The tuner of one engine: looks records up while the network is lowered, and searches for what has none.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lower/step.hpp"
#include "tessera/calibration.hpp"
#include "tessera/tuning.hpp"
#include "tune/candidates.hpp"
#include "tune/defaults.hpp"
#include "tune/precision_choice.hpp"
#include "tune/tactics_store.hpp"

namespace tessera {

class Tuner {
 public:
  /// `runner`: null for one as the options ask.
  Tuner(const Device& device, const DeviceCaps& caps, const TuneOptions& options,
        std::unique_ptr<CandidateRunner> runner = nullptr);
  ~Tuner();

  /// Fast and Full: measures what lowering `graph` may choose from, and searches; no longer than until that
  /// share of the budget's time for searches is over, which began with the tuner's first search.
  void tune(const Graph& graph, double until = 1);
  /// Lowers with the best known tactics; layouts as an earlier race found, else as the times predict.
  Lowered lower(const Graph& graph);

  /// One way to lower a network. Times of layers alone do not tell all, so networks that were tuned let these
  /// race.
  struct Variant {
    std::string name;
    Lowered lowered;
    TuneReport report;  ///< with where its tactics came from
  };
  /// Those that differ, the plainest first; empty where there is nothing to race: nothing is to be
  /// tuned, or an earlier race was won.
  std::vector<Variant> variants(const Graph& graph);
  double raceSeconds() const;  ///< of the budget, for one race of whole networks
  /// Of variants(): what later builds take, and the report tells of.
  void recordWinner(const Graph& graph, const Variant& winner, double milliseconds);

  // Kernels in the place of others (tuner_refine.cpp).
  /// A kernel or tactic that was measured and is right, instead of what runs a problem, wherever that occurs.
  struct Swap {
    std::string layer;                 ///< the first where it would run
    std::vector<std::string> instead;  ///< names of all kernels for the problem in its layouts
    std::string to, tactic;
  };
  /// What might make the network faster that variants() and a race found: the most promising first.
  std::vector<Swap> swaps(const Graph& graph);
  /// The network with a swap, and those accepted before; none where layouts would change.
  std::optional<Lowered> lowerWith(const Graph& graph, const Swap& swap);
  /// Later builds take it; `swap`: one that lowerWith() gave a network for.
  void accept(const Graph& graph, const Swap& swap, double milliseconds);
  double refineSeconds() const;  ///< left of the budget for swaps
  double spent() const { return elapsed(); }  ///< seconds since the first search began; 0 without one

  // Precision by measured cost (tuner_precision.cpp). `optimized`: the network in fp32; `rules`: with every
  // layer in INT8 that can be, as `report` lists them.
  /// Fast and Full: measures the network in both precisions and the conversions between them. Ways worth a
  /// race, the rules' first.
  std::vector<PrecisionDecision> precisions(const Graph& optimized, const Graph& rules,
                                            const std::vector<LayerPrecision>& report);
  /// What an earlier race decided; none where there was none, or it is to be decided anew: by Fast and Full
  /// with another driver, by Full after Fast.
  std::optional<PrecisionDecision> recordedPrecision(const Graph& rules) const;
  void recordPrecision(const Graph& rules, const PrecisionDecision& decision);

  /// Fast and Full: keeps the compiled kernels of a network for the next start, where workers do that faster
  /// than one process. What they leave is the caller's.
  void savePrograms(const Lowered& lowered);

  const TuneReport& report() const { return report_; }
  const TacticsStore& store() const { return store_; }

 private:
  using Clock = std::chrono::steady_clock;
  /// One way to run a problem.
  struct Option {
    const KernelFamily* family = nullptr;
    OpView view;
    double estimate = 0;  ///< seconds by the cost model
  };
  /// A distinct problem of the network, before layouts.
  struct Job {
    OpView planar;
    std::string layer;
    int count = 0;
    Option untuned;               ///< what runs it without records
    std::vector<Option> options;  ///< all ways, cheapest by the model first
    double untunedMs = 0;
    bool cut = false;  ///< there was no time for the whole search
  };

  /// Ways to run a job that are to be timed side by side.
  struct Comparison {
    Job* job = nullptr;
    std::vector<Option> options;
  };

  // Look-up.
  Lowered lowerAs(const Graph& graph, const std::string& variant);
  Tactic choose(const KernelFamily& family, const Problem& problem);
  /// What runs without records, counted in the report.
  Tactic untunedTactic(const KernelFamily& family, const Problem& problem);
  /// The default tactic of the device's class, unless it is known to be bad here.
  std::optional<Tactic> defaultTactic(const KernelFamily& family, const Problem& problem) const;
  std::optional<double> seconds(const KernelFamily& family, const OpView& view) const;
  /// Whether the untuned tactic is known to be wrong, to crash or to hang, in this layout or another.
  bool fails(const KernelFamily& family, const OpView& view) const;
  /// Whether a family has the tactic for a problem.
  bool offers(const KernelFamily& family, const Problem& problem, const Tactic& tactic) const;
  /// Whether it is known to be wrong, to crash or to hang.
  bool isBad(const KernelFamily& family, const OpView& view, const Tactic& tactic) const;
  /// The record of a family on a view, where its tactic is valid.
  std::optional<TacticsStore::Hit> find(const KernelFamily& family, const OpView& view) const;
  void noteBad(const TuneRecord& record);
  /// What an earlier build found out about the whole network.
  std::optional<TacticsStore::Hit> networkRecord(const Graph& graph, const char* family,
                                                 std::uint64_t source = 0) const;
  /// Adds a record that replaces earlier ones of its key, whatever their times.
  void recordLatest(TuneRecord record);
  std::uint64_t sourceHash(const KernelFamily& family, const Problem& problem) const;

  // A network as it ran before a search (tuner_kept.cpp).
  struct KeptNetwork {
    LayoutChoice layouts = LayoutChoice::Greedy;
    std::string text;  ///< hash of the lowered network's text: nothing else is taken for it
    std::map<std::string, std::string> tactics;  ///< by stepName()
    KeptNetwork with(const Swap& swap) const;
  };
  std::string stepName(const KernelFamily& family, const OpView& view) const;
  KeptNetwork keptFrom(const Lowered& lowered, LayoutChoice layouts) const;
  /// With its kernels, whatever the text.
  std::optional<Lowered> lowerFrom(const Graph& graph, const KeptNetwork& kept);
  std::optional<KeptNetwork> keepable(const Graph& graph, const Lowered& lowered);
  std::optional<Lowered> lowerKept(const Graph& graph, const KeptNetwork& kept);
  std::optional<KeptNetwork> keptOnRecord(const Graph& graph) const;
  void recordKept(const Graph& graph, const KeptNetwork& kept);
  void rememberBefore(const Graph& graph);
  bool hasRaced(const Graph& graph) const;
  void forgetChoices();  ///< of the report

  // Precision.
  /// Per layer of the optimised network: seconds as `graph` runs it, and the channel block of its result.
  struct LayerTimes {
    std::vector<double> seconds;
    std::vector<int> blocks;
  };
  LayerTimes layerTimes(const Graph& graph, const Graph& optimized);
  double measuredSeconds(const OpView& view);
  std::optional<PrecisionDecision> decisionOnRecord(const Graph& rules) const;
  double conversionSeconds(const TensorDesc& tensor, int fp32Block, int int8Block);

  // Search.
  std::vector<Job> jobsOf(const Graph& graph) const;
  std::vector<Job> reformatJobs(const std::vector<Job>& jobs) const;
  void search(const Graph& graph, std::vector<Job>& jobs);
  std::vector<Trial> measure(const std::vector<Candidate>& candidates, double best, bool checkAll);
  void needRunner();
  std::vector<Trial> tryCandidates(const std::vector<Candidate>& candidates, double best, bool checkAll);
  /// Those without a record as candidates with their untuned tactics; `best`: milliseconds of the fastest on
  /// record, 0 where there is none.
  std::vector<Candidate> unmeasured(const std::vector<Option>& options, double& best) const;
  void measureOptions(const std::vector<Option>& options);
  /// In order, until that share of the search's time is over. `fractions` of the whole search: where it is
  /// before and afterwards. `after`: each.
  void measureAll(const std::vector<Comparison>& comparisons, double share,
                  std::pair<double, double> fractions, const std::function<void()>& after = {});
  bool searchOption(const Option& option, double seconds);
  void rematch(const Job& job);
  void record(const Candidate& candidate, const Trial& trial);
  double elapsed() const;
  double budget() const;          ///< seconds for everything
  double searchSeconds() const;   ///< of these, for searches
  bool over(double share) const;  ///< whether that share of the current search's time is
  void tell(const std::string& layer, double fraction);

  // What was searched before (tuner_marks.cpp).
  bool coversMode(const std::string& mode, double cut) const;
  std::uint64_t jobHash(const Job& job) const;
  std::uint64_t kernelsHash() const;  ///< of all families and kernel sources
  std::optional<TuneRecord> fastestOf(const Job& job) const;
  bool searched(const Job& job) const;
  void markSearched(const Job& job);
  bool nothingOpen(const Graph& graph) const;
  void noteNothingOpen(const Graph& graph, const std::vector<Job>& jobs);

  Device device_;
  DeviceCaps caps_;
  TuneOptions options_;
  TacticsStore store_;
  DefaultTactics defaults_;
  std::unique_ptr<CandidateRunner> runner_;
  bool untried_ = false;  ///< the runner has a worker that has not answered yet
  TuneReport report_;
  std::map<std::string, KeptNetwork> before_;  ///< by networkKey()
  std::optional<Clock::time_point> begin_;     ///< of the first search
  struct Span {
    double begin = 0, end = 0;               ///< seconds since begin_
    double fraction = 0, untilFraction = 0;  ///< of all that is to be searched
  } span_;                                   ///< of the current search
  int races_ = 1;                            ///< that share the budget's part for them
  double untunedMs_ = 0, bestMs_ = 0;
  std::set<std::string>
      failing_;  ///< families and planar problems whose untuned tactic is bad in some layout
  mutable std::uint64_t kernelsHash_ = 0;
  mutable std::map<std::string, std::uint64_t> sourceHashes_;  ///< by kernel file
  mutable std::map<std::string, std::uint64_t>
      problemHashes_;  ///< by family and problem: planning takes its time
};

inline constexpr const char* kKept = "kept";  ///< name of the variant that is kept kernel by kernel
/// Names a network by what its layouts depend on: operators and operands, in order.
std::string networkKey(const Graph& graph);

}  // namespace tessera
