/// \file
/// The subcommands of the tessera program. Each adds its options and returns what runs it.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "apps/common/program.hpp"

namespace tessera::app {

using Command = std::function<int()>;

Command addDevices(CLI::App& app, CommonOptions& common);
Command addInspect(CLI::App& app, CommonOptions& common);
Command addRun(CLI::App& app, CommonOptions& common);
Command addBench(CLI::App& app, CommonOptions& common);
Command addCalibrate(CLI::App& app, CommonOptions& common);

/// Options of the commands that build an engine.
struct EngineArguments {
  std::string model;
  std::int64_t batch = 1;
  std::vector<std::string> passesOff;

  void add(CLI::App& app);
  Graph load() const;
  EngineOptions options(const CommonOptions& common) const;
};

/// "12.3 MiB".
std::string bytesText(std::size_t bytes);

}  // namespace tessera::app
