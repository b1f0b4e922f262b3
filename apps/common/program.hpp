/// \file
/// What every program does alike: options, log, errors, exit codes.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tessera/device.hpp"
#include "tessera/engine.hpp"

namespace tessera::app {

inline constexpr int kDone = 0, kFailed = 1, kUsage = 2;

struct CommonOptions {
  std::vector<std::string> plugins;  ///< files and folders of them: loadPlugins()
  std::string device;                ///< index, part of a name, cpu, gpu; empty: a GPU where there is one
  std::string precision = "fp32";
  std::string tune = "fast";
  bool selfCheck = false;                  ///< of plans: Engine::selfCheck() before anything else
  bool tuneHint = true;                    ///< say, where a search begins, how to do without
  double tuneBudget = 0;                   ///< seconds; 0: the mode's own
  std::vector<std::string> tuneWorker;     ///< TuneOptions::worker
  std::string tuningCache;                 ///< file of records that comes with an application
  std::optional<std::uint64_t> workspace;  ///< bytes; TuneOptions::workspaceLimit
  std::string launches = "measured";       ///< EngineOptions::launches
  std::string json;                        ///< file for the machine-readable result
  std::string logLevel = "warning";

  Device selectDevice() const { return Device::select(device); }
  EngineOptions engineOptions() const;
};

/// What a program does where neither --tune nor $TESSERA_TUNE says: searches for kernels (Fast, Full), or
/// uses what was found before (Cached). Never: it searches for nothing, and offers no mode that does.
/// Serving: as Fast, of a program that may also search while it answers.
enum class TuneDefault { Fast, Full, Cached, Never, Serving };

/// Options that are added while it lives stand under its name in the help.
class OptionGroup {
 public:
  OptionGroup(CLI::App& app, std::string name);
  ~OptionGroup();
  OptionGroup(const OptionGroup&) = delete;
  OptionGroup& operator=(const OptionGroup&) = delete;

 private:
  CLI::App& app_;
  std::string name_;
  std::size_t before_;
};

/// Adds --device.
void addDeviceOption(CLI::App& app, CommonOptions& options);
/// Adds --device, --precision, --self-check, --tune, --tune-budget, --tuning-cache, --workspace,
/// --launches; programs that run a network want them.
void addDeviceOptions(CLI::App& app, CommonOptions& options, TuneDefault tune = TuneDefault::Fast);
/// Adds --precision-choice.
void addPrecisionChoice(CLI::App& app, std::string& choice);
/// Adds --plugins, as addDeviceOptions() does; runProgram() loads them.
void addPluginsOption(CLI::App& app, CommonOptions& options);
/// Adds --json and --log-level.
void addOutputOptions(CLI::App& app, CommonOptions& options);

/// Wrong use of a program that the option parser can not see; exit code 2.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `text` as the end of a message: with one full stop.
std::string sentence(std::string text);

/// Adds --version, parses, sets up the log, loads plugins, runs `body`, and turns every exception into a
/// message on stderr and an exit code; so it does a result that could not be printed. A signal that ends the
/// program (128 + its number) leaves no half-written file.
int runProgram(CLI::App& app, int argc, char** argv, CommonOptions& options,
               const std::function<int()>& body);

}  // namespace tessera::app
