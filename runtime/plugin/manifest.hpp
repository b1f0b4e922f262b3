/// \file
/// The text of a plugin's manifest as values (docs/plugins.md).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/plugin.hpp"

namespace tessera {

/// A condition on a layer, with what to say where it does not hold.
struct ManifestCondition {
  std::string holds, reason;
};
struct ManifestOutput {
  std::string name;
  DataType type = DataType::Float32;
  std::vector<std::string> shape;  ///< an expression an extent,
  std::string shapeOf;             ///< or the input that it is like
  std::string reference;           ///< of an element
};
struct ManifestArgument {
  PluginArgument::Kind kind = PluginArgument::Kind::Int;
  std::string text;  ///< a number's expression, or an operand's name
  int index = 0;     ///< of Scratch
};
struct ManifestCall {
  std::string entry;
  std::vector<std::string> global, local;
  std::vector<ManifestArgument> arguments;
  std::vector<std::pair<std::string, ManifestArgument>> defines;
};

struct Manifest {
  std::string name, version, description, source;  ///< source: file beside the manifest
  std::vector<std::string> types;
  std::vector<PluginInput> inputs;
  std::vector<PluginAttribute> attributes;
  std::vector<ManifestOutput> outputs;
  std::vector<PluginTunable> tunables;
  std::vector<ManifestCondition> conditions;   ///< on layers
  std::vector<ManifestCondition> constraints;  ///< on tunables
  std::vector<ManifestCall> calls;
  std::vector<std::string> scratch;  ///< bytes
  std::string operations;            ///< of a layer; empty: one for each element of the outputs
  PluginTolerance tolerance;
};

/// Throws Error(InvalidArgument) with the reason: what is no JSON, misses an entry, or has one that is
/// unknown or of another type.
Manifest parseManifest(std::string_view text);

}  // namespace tessera
