/// \file
/// tessera bench: what is measured, and what is made of it.
#pragma once

#include <string>
#include <vector>

#include "apps/common/files.hpp"
#include "apps/tessera/commands.hpp"
#include "tessera/profile.hpp"

namespace tessera::app {

struct BenchOptions {
  EngineArguments engine;
  int runs = 30, warmUp = 3;
  double duration = 0;  ///< seconds to measure for, instead of `runs`; 0: as many runs
  int streams = 1;
  int layers = 20;  ///< shown in the table
  bool profile = false;
  std::string trace, chart;  ///< files; empty: none
  std::string accuracy;      ///< "fp32", or a report of a program; empty: not asked for
  std::vector<std::string> compare;
  double slowerThan = -1;  ///< percent that fail a comparison; negative: none do
};

/// Energy of what was measured.
struct EnergyUse {
  double joules = 0, seconds = 0;
  std::string what, why;  ///< what was counted, or why nothing was
};

/// One layer in the profile of a run: medians over several runs.
struct LayerProfile {
  LayerInfo layer;
  std::vector<std::string> members;  ///< layers of the source model that it took in
  double milliseconds = 0;           ///< of its kernels
  double gap = 0;                    ///< milliseconds before its first launch in which the device did nothing
};

/// Where the time of a run goes.
struct Profile {
  std::vector<LayerProfile> layers;
  std::vector<LaunchTime> launches;  ///< of one typical run
  double span = 0;                   ///< milliseconds from the first launch to the end of the last
  double busy = 0;                   ///< of these, in kernels
  Ceiling ceiling;                   ///< not measured: zeros
};

/// What runs of a network took.
struct Measured {
  std::vector<double> milliseconds;  ///< of each run, all streams together
  double seconds = 0;                ///< from the first run's begin to the last one's end
  std::int64_t items = 1;            ///< of a run
  EnergyUse energy;
  Profile profile;

  double throughput() const;  ///< items a second
};

Measured measure(const std::shared_ptr<const Engine>& engine, const BenchOptions& options);
/// Medians over `runs` traced runs.
Profile profileOf(Context& context, int runs, const LayerMembers& members);

/// Billions of `work` a second.
double rate(double work, double milliseconds);

/// A trace that Perfetto and chrome://tracing open: a track of layers and one of kernels.
void writeTrace(const std::string& file, const Profile& profile, const std::string& network,
                const std::string& device);
/// A picture: a bar a layer, the slowest first, coloured by what bounds it.
void drawChart(const std::string& file, const Profile& profile, const std::string& title, int layers);
void printProfile(const Profile& profile, int most);
Json layersJson(const Profile& profile);
Json profileJson(const Profile& profile);

/// How near the outputs of the network are to those of fp32, or the task's metric of a report.
Json accuracyOf(const Engine& engine, const BenchOptions& options, const CommonOptions& common);

/// Says which layers of the second report are slower than in the first, and which faster.
int compareReports(const BenchOptions& options, const CommonOptions& common);

}  // namespace tessera::app
