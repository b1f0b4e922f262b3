/// \file
/// What a file beside a model, or a plan, says of its images and outputs (docs/programs.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tessera/runner.hpp"
#include "tessera/segmentation.hpp"

namespace tessera {

/// How images become a network's input and what its outputs are. What a description leaves out is empty, the
/// default, or its preset's.
struct NetworkDescription {
  std::filesystem::path file;       ///< where it stands, for messages and the labels' file; may be empty
  std::string task;                 ///< segmentation, classification, detection; empty: not said
  std::string preset;               ///< of presets(); empty: none
  std::string input;                ///< name of the binding that takes the image
  std::string output;               ///< name of the binding with the answer
  ImagePreprocess preprocess;       ///< height and width 0: the network's own
  std::optional<double> threshold;  ///< of a mask; least confidence of a class; least score of a box
  int classes = 0;                  ///< that the output tells apart; 0: not said
  std::string labels;               ///< as JSON: name of a set or a file, list of classes; empty: none
  bool presetLabels = false;        ///< they are the preset's, which a network need not have been trained for

  OutputLayout layout = OutputLayout::Auto;  ///< of a segmentation
  ScoreKind scores = ScoreKind::Auto;        ///< of a classification
  DetectionOptions detection;                ///< of a detection: the preset's, with what the description says

  /// Of JSON that stands in `file` (or in a plan of that name). `preset`: takes the place of the
  /// description's; empty: none does. Throws Error(InvalidArgument) that names file, field and reason; also
  /// for a field that there is not.
  static NetworkDescription parse(std::string_view json, const std::filesystem::path& file = {},
                                  const std::string& preset = {});
  /// As parse(), of a file.
  static NetworkDescription read(const std::filesystem::path& file, const std::string& preset = {});
  /// Of a preset alone.
  static NetworkDescription ofPreset(const std::string& preset);

  /// The file in messages.
  std::string where() const { return file.empty() ? "preset " + preset : file.string(); }
  /// What a Runner makes of it: classes or boxes by the task, else outputs. Throws Error(InvalidArgument)
  /// where a detection has no preset.
  RunnerOptions runnerOptions() const;
  SegmentationOptions segmentationOptions() const;  ///< what a Segmentation makes of it
};

/// Where the description of a model lies: beside `model.onnx` as `model.json`, beside
/// `net.prototxt,net.caffemodel` as `net.json` (the caffemodel's stem, else the prototxt's). None where there
/// is none.
std::optional<std::filesystem::path> findDescription(const std::string& model);

}  // namespace tessera
