/// \file
/// What a model's description says: how images become its input and what its outputs are.
#pragma once

#include <optional>
#include <string>

#include "apps/common/files.hpp"
#include "tessera/description.hpp"
#include "tessera/presets.hpp"

namespace tessera::app {

/// `<model>.json` as the programs use it.
struct Sidecar : NetworkDescription {
  Json labelList;  ///< NetworkDescription::labels, parsed; null: none

  Sidecar() = default;
  explicit Sidecar(NetworkDescription described);
  /// As NetworkDescription::read().
  static Sidecar read(const fs::path& file, const std::string& preset = {});
};

/// As findDescription().
std::optional<fs::path> findSidecar(const std::string& model);
/// Throws UsageError where results would be written over the description beside the model.
void requireOwnResultFile(const std::string& json, const std::string& model);

/// The description of a model's images: `given` where there is one, else the file beside the model, else what
/// `preset` says. Throws Error(InvalidArgument) that says what to write where there is none; `hint`: how
/// the program's user names a preset, empty where that is of no use.
Sidecar sidecarFor(const std::string& model, const std::string& given, const std::string& preset = {},
                   const std::string& hint = {});

/// The text of a description with the labels in it, where it names a file: needs no other file, as plans do.
std::string portableDescription(const fs::path& sidecar);
/// The description in a plan, or `given` where there is one, or `preset`. Throws Error(InvalidArgument) where
/// there is none of them.
Sidecar sidecarOfPlan(const Engine& engine, const std::string& plan, const std::string& given,
                      const std::string& preset = {});

}  // namespace tessera::app
