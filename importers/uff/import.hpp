/// \file
/// The reader of UFF files.
#pragma once

#include <filesystem>

#include "tessera/importer.hpp"

namespace tessera {

/// As importModel(), of a UFF file. Inputs and outputs keep the file's shapes; outputs are called what is
/// marked as one.
Graph importUff(const std::filesystem::path& file, const ImportOptions& options = {});

}  // namespace tessera
