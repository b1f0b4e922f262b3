/// \file
/// GraphDef messages as networks for the importer.
#pragma once

#include <filesystem>

#include "importers/tensorflow/source.hpp"
#include "tensorflow/graphdef.pb.h"

namespace tessera::tensorflow {

/// Reads a frozen graph, binary or text. Throws Error(BadModel) where the file is none.
tessera_tensorflow::Graph readGraphDef(const std::filesystem::path& file);

/// The network of a graph, which has to live as long. Inputs are its placeholders, outputs what no other node
/// reads.
SourceGraph sourceOf(const tessera_tensorflow::Graph& graph, const std::string& file);

}  // namespace tessera::tensorflow
