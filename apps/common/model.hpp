/// \file
/// Loading a network with the sidecar that says how images become its input.
#pragma once

#include <optional>
#include <string>

#include "apps/common/files.hpp"
#include "tessera/engine.hpp"
#include "tessera/graph.hpp"
#include "tessera/image.hpp"
#include "tessera/importer.hpp"
#include "tessera/segmentation.hpp"

namespace tessera::app {

/// `<model>.json`: see docs/programs.md. Fields that it lacks are empty or default.
struct Sidecar {
  fs::path file;
  std::string task;
  std::string input, output;   ///< names of the bindings
  ImagePreprocess preprocess;  ///< height and width 0: the network's own
  OutputLayout layout = OutputLayout::Auto;
  std::optional<double> threshold;  ///< of a mask
  int classes = 0;                  ///< that the output tells apart; 0: not said
  Json labels;                      ///< name, file or list; null: none

  /// Throws Error(InvalidArgument) that names file, field and reason; also for a field that there is not.
  static Sidecar read(const fs::path& file);
  /// As read(), of a description that stands in `file` or in a plan of that name.
  static Sidecar parse(const Json& json, const fs::path& file);
};

/// The description of a model's images: `given` where there is one, else the file beside the model. Throws
/// Error(InvalidArgument) that says what to write where there is none.
Sidecar sidecarFor(const std::string& model, const std::string& given);

/// Where the sidecar of a model argument lies: beside `model.onnx` as `model.json`, beside
/// `net.prototxt,net.caffemodel` as `net.json` (the caffemodel's stem, else the prototxt's). None where there
/// is none.
std::optional<fs::path> findSidecar(const std::string& model);

/// The text of a description with the labels in it, where it names a file: needs no other file, as plans do.
std::string portableDescription(const fs::path& sidecar);
/// The description in a plan, or `given` where there is one. Throws Error(InvalidArgument) where there is
/// neither.
Sidecar sidecarOfPlan(const Engine& engine, const std::string& plan, const std::string& given);

/// Throws Error(InvalidArgument) that names the file where a file of the model argument does not exist.
void requireModelFiles(const std::string& model);

/// Imports `model` with `batch` images at a time, also where the file fixes another batch size. `options` may
/// give inputs shapes, which then hold.
Graph loadModel(const std::string& model, std::int64_t batch, ImportOptions options = {});

/// The shape of the image input of a network that leaves its height and width open: `declared` extents,
/// negative where open, none where the model says nothing. None where it takes no colour images.
std::optional<Shape> imageShapeFor(const std::vector<std::int64_t>& declared, std::int64_t batch,
                                   std::int64_t height, std::int64_t width);

/// The model argument as results name it: its files without folders.
std::string modelName(const std::string& model);

}  // namespace tessera::app
