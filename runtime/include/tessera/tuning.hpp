/// \file
/// How much an engine's kernels are searched for, and where what was found is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Off: untuned tactics, and those that come with Tessera for the device's class. Cached: records of earlier
/// searches, and no search. Fast: searches what has no record, about a minute a network. Full: as Fast, for
/// some minutes. Background: as Cached, at once; a thread then searches as Fast does, at low priority, keeps
/// what it finds in the records, and contexts go on with it from one of their next runs on.
enum class TuneMode { Off, Cached, Fast, Full, Background };
/// Whether building an engine waits for a search for what has no record.
inline bool searches(TuneMode mode) { return mode == TuneMode::Fast || mode == TuneMode::Full; }
std::string_view toString(TuneMode mode);  ///< as parseTuneMode() reads it
TuneMode parseTuneMode(
    std::string_view text);  ///< "off", "cached", "fast", "full", "background"; throws Error(InvalidArgument)

/// How far a search is; the times are sums over the network's layers.
struct TuneProgress {
  std::string layer;           ///< being searched for, in the source model's names
  double elapsed = 0;          ///< seconds
  double budget = 0;           ///< seconds that searches may take
  double fraction = 0;         ///< of the whole search, 0 to 1
  std::size_t candidates = 0;  ///< tried so far
  double untuned = 0;          ///< milliseconds of a pass before the search
  double best = 0;             ///< milliseconds of a pass with the best found so far
};

/// How to tune.
struct TuneOptions {
  TuneMode mode = TuneMode::Cached;  ///< see there
  /// Budget of a build, about: 70 % for searches, in every precision that is looked at; the rest for races of
  /// whole networks and for compiling them. 0: 50 (CPUs 75) for Fast, 600 for Full.
  double seconds = 0;
  /// Folder of the records. None: `$TESSERA_CACHE_DIR`, else `$XDG_CACHE_HOME/tessera`, else
  /// `~/.cache/tessera`. An empty path: records last as long as the engine.
  std::optional<std::filesystem::path> folder;
  /// A file of records that comes with an application: looked into, never written.
  std::filesystem::path shipped;
  /// Called between candidates, from the thread that builds the engine, or that searches in the background.
  std::function<void(const TuneProgress&)> progress;
  /// A program with its arguments that calls runTuneWorker(): candidates then run in a process of their own,
  /// where a kernel that hangs or crashes costs that one candidate, and such processes compile the kernels of
  /// a first start side by side. Empty: all of it happens in this process.
  std::vector<std::string> worker;
  /// Compares the tuned network as a whole with the untuned one and every kernel in it with another, even
  /// where nothing was searched for; see TuneReport::check.
  bool verify = false;
  double patience =
      60;  ///< seconds without a sign of life after which a worker's candidate counts as hanging
  /// Bytes that the kernels of one layer may take beside its operands (patches, transformed tiles, sums that
  /// wait). A tactic that takes more is not offered, wherever it would come from: untuned choice, search,
  /// records, a plan. TuneReport::limited says what that cost; building throws Error(Unsupported) that names
  /// the layer where nothing keeps within it. None: no limit; 0: only kernels that take nothing.
  std::optional<std::size_t> workspaceLimit;
};

/// What comparing a tuned network with the untuned one on random inputs found. Kernels are checked alone
/// while they are searched for; this is about all of them together. A network that is wrong is not kept: the
/// untuned one runs.
struct NetworkCheck {
  bool done = false;        ///< something was compared
  bool right = true;        ///< as far as it was
  std::size_t outputs = 0;  ///< of the network,
  std::int64_t values = 0;  ///< and elements of them that were compared
  std::size_t kernels = 0;  ///< compared one by one, each with the inputs it has in the network
  double difference = 0;    ///< the largest, as a share of its output's range
  std::string wrong;        ///< what is wrong: the layer, its kernel and tactic where they were found
};

/// A layer that would run with other kernels if it were not for TuneOptions::workspaceLimit.
struct LimitedLayer {
  std::string layer;              ///< in the source model's names
  std::string wanted;             ///< family and tactic that it would have,
  std::size_t workspace = 0;      ///< and the bytes these take
  std::string taken;              ///< family and tactic that it has
  double wantedMilliseconds = 0;  ///< of a pass, as measured on this device; 0: not measured
  double takenMilliseconds = 0;   ///< likewise
};

/// Where the tactics of an engine came from.
struct TuneReport {
  std::size_t problems = 0;           ///< distinct kernels that were chosen
  std::size_t planned = 0;            ///< by the plan that the engine came from
  std::size_t exact = 0;              ///< by a record of this device
  std::size_t stale = 0;              ///< by a record of this device with another driver
  std::size_t defaults = 0;           ///< by a default tactic of the device's class
  std::size_t fallback = 0;           ///< without any of these
  std::size_t candidates = 0;         ///< tried for this engine; 0: nothing was tuned
  std::size_t bad = 0;                ///< of these, wrong, crashed or hung
  double seconds = 0;                 ///< spent on them
  NetworkCheck check;                 ///< after every search that changed the network
  std::vector<LimitedLayer> limited;  ///< what the limit of the workspace cost
};

/// Serves the process that started this one as TuneOptions::worker: tries candidates that it reads from
/// standard input and writes their times to standard output. Returns the program's exit code.
int runTuneWorker();

/// TuneOptions::worker for whoever has the program tessera-worker in `folder`, which starts faster than a
/// program that loads more than the library; `otherwise` where it is not there. `otherwise` is also what runs
/// in its place where the two are not of one build.
std::vector<std::string> leanWorker(const std::filesystem::path& folder, std::vector<std::string> otherwise);
/// The whole of tessera-worker: serves as runTuneWorker() does, or becomes the program that its arguments
/// name.
int runLeanWorker(int argc, char** argv);

}  // namespace tessera
