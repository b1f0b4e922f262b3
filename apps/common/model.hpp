/// \file
/// Loading a network.
#pragma once

#include <optional>
#include <string>

#include "apps/common/description.hpp"
#include "tessera/graph.hpp"
#include "tessera/importer.hpp"

namespace tessera::app {

/// Throws Error(InvalidArgument) that names the file where a file of the model argument does not exist.
void requireModelFiles(const std::string& model);

/// Imports `model` with `batch` images at a time, also where the file fixes another batch size. `options` may
/// give inputs shapes, which then hold.
Graph loadModel(const std::string& model, std::int64_t batch, ImportOptions options = {});

/// The shape of the image input of a network that leaves its height and width open: `declared` extents,
/// negative where open, none where the model says nothing. None where it takes no images of so many
/// channels.
std::optional<Shape> imageShapeFor(const std::vector<std::int64_t>& declared, std::int64_t batch,
                                   std::int64_t height, std::int64_t width, std::int64_t channels = 3);

/// The model argument as results name it: its files without folders.
std::string modelName(const std::string& model);

}  // namespace tessera::app
