/// \file
/// Shapes of a model's inputs on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "tessera/importer.hpp"

namespace tessera::app {

/// --shape NAME=1x3x480x640, also several; `*=..` or a bare shape is for all inputs.
struct ShapeArguments {
  std::vector<std::string> texts;

  void add(CLI::App& app);
  /// As ImportOptions::inputShapes wants them. Throws UsageError that says what is wrong.
  std::map<std::string, Shape> shapes() const;
  bool empty() const { return texts.empty(); }
};

/// "1x3x480x640", also with commas; "scalar" for no extents. Throws UsageError.
Shape parseShape(const std::string& text);

}  // namespace tessera::app
