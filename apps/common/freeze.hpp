/// \file
/// Inputs of a model frozen on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tessera/importer.hpp"

namespace tessera::app {

/// --freeze NAME=VALUE or NAME=FILE.npy, also several: graph inputs that become constants.
struct FreezeArguments {
  std::vector<std::string> texts;

  void add(CLI::App& app);
  /// Into ImportOptions::constants and constantNumbers. Throws UsageError that says what is wrong.
  void apply(ImportOptions& options) const;
  bool empty() const { return texts.empty(); }
};

}  // namespace tessera::app
