/// \file
/// Shapes of a model's inputs on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "tessera/importer.hpp"
#include "tessera/shapes.hpp"

namespace tessera::app {

/// --shape NAME=1x3x480x640, also several; `*=..` or a bare shape is for all inputs.
struct ShapeArguments {
  std::vector<std::string> texts;

  void add(CLI::App& app);
  /// As ImportOptions::inputShapes wants them. Throws UsageError that says what is wrong.
  std::map<std::string, Shape> shapes() const;
  bool empty() const { return texts.empty(); }
};

/// --min-shape and --max-shape, in the form of --shape, which becomes the shape that kernels are tuned for.
struct ShapeRangeArguments {
  std::vector<std::string> least, most;

  void add(CLI::App& app);
  bool empty() const { return least.empty() && most.empty(); }
  /// The ranges of a model's inputs: those named, and with `*` all others with as many extents. `graph`: the
  /// model at largest(). `wanted`: what --shape says. Throws UsageError that says what is wrong.
  ShapeProfile profile(const Graph& graph, const std::map<std::string, Shape>& wanted) const;
  /// By input, `*` for the others. Throws UsageError.
  std::map<std::string, Shape> largest() const;
  /// Tells an import that `at` are the inputs' shapes, `*` of those that are open. What --shape says of
  /// inputs with a range is what kernels are tuned for, and so is left out. Throws UsageError.
  void apply(ImportOptions& import, const std::map<std::string, Shape>& at) const;
};

/// "1x3x480x640", also with commas; "scalar" for no extents. Throws UsageError.
Shape parseShape(const std::string& text);

}  // namespace tessera::app
