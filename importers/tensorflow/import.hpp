/// \file
/// The reader of frozen graphs.
#pragma once

#include <filesystem>

#include "tessera/importer.hpp"

namespace tessera {

/// As importModel(), of a frozen GraphDef, binary or text. Inputs and outputs keep the file's shapes (N, H,
/// W, C).
Graph importTensorflow(const std::filesystem::path& file, const ImportOptions& options = {});

}  // namespace tessera
