/// \file
/// The operators of TensorFlow's formats that the importer knows. Each theme has a file that adds its rows;
/// table.cpp lists the themes.
#pragma once

#include <map>
#include <string_view>

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// Rows by operator type.
const std::map<std::string_view, Row>& table();

/// Operators without a result that matters: checks, and what only orders other nodes.
bool isIgnored(std::string_view type);

}  // namespace tessera::tensorflow
