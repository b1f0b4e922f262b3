/// \file
/// The reader of TensorFlow Lite models.
#pragma once

#include <filesystem>

#include "tessera/importer.hpp"

namespace tessera {

/// As importModel(), of a TensorFlow Lite model: floats, float16, or codes of 8 bits. Inputs and outputs keep
/// the file's shapes and types.
Graph importTflite(const std::filesystem::path& file, const ImportOptions& options = {});

}  // namespace tessera
