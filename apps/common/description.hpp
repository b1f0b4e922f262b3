/// \file
/// What a model's description says: how images become its input and what its outputs are.
#pragma once

#include <optional>
#include <string>

#include "apps/common/files.hpp"
#include "tessera/engine.hpp"
#include "tessera/image.hpp"
#include "tessera/presets.hpp"
#include "tessera/runner.hpp"
#include "tessera/segmentation.hpp"

namespace tessera::app {

/// `<model>.json`: see docs/programs.md. Fields that it lacks are empty, default, or the preset's.
struct Sidecar {
  fs::path file;                    ///< where it stands, for messages; empty: nowhere, a preset says it all
  std::string task;                 ///< segmentation, classification, detection; empty: not said
  std::string preset;               ///< empty: none
  std::string input, output;        ///< names of the bindings
  ImagePreprocess preprocess;       ///< height and width 0: the network's own
  std::optional<double> threshold;  ///< of a mask; least confidence of a class; least score of a box
  int classes = 0;                  ///< that the output tells apart; 0: not said
  Json labels;                      ///< name, file or list; null: none
  bool presetLabels = false;        ///< they are the preset's, which a network need not have been trained for

  OutputLayout layout = OutputLayout::Auto;  ///< of a segmentation
  ScoreKind scores = ScoreKind::Auto;        ///< of a classification
  DetectionOptions detection;                ///< of a detection: the preset's, with what the description says

  /// Throws Error(InvalidArgument) that names file, field and reason; also for a field that there is not.
  /// `preset`: takes the place of the description's; empty: none does.
  static Sidecar read(const fs::path& file, const std::string& preset = {});
  /// As read(), of a description that stands in `file` or in a plan of that name.
  static Sidecar parse(const Json& json, const fs::path& file, const std::string& preset = {});

  /// The file in messages.
  std::string where() const { return file.empty() ? "preset " + preset : file.string(); }
};

/// Where the sidecar of a model argument lies: beside `model.onnx` as `model.json`, beside
/// `net.prototxt,net.caffemodel` as `net.json` (the caffemodel's stem, else the prototxt's). None where there
/// is none.
std::optional<fs::path> findSidecar(const std::string& model);

/// The description of a model's images: `given` where there is one, else the file beside the model, else what
/// `preset` says. Throws Error(InvalidArgument) that says what to write where there is none.
Sidecar sidecarFor(const std::string& model, const std::string& given, const std::string& preset = {});

/// The text of a description with the labels in it, where it names a file: needs no other file, as plans do.
std::string portableDescription(const fs::path& sidecar);
/// The description in a plan, or `given` where there is one, or `preset`. Throws Error(InvalidArgument) where
/// there is none of them.
Sidecar sidecarOfPlan(const Engine& engine, const std::string& plan, const std::string& given,
                      const std::string& preset = {});

}  // namespace tessera::app
