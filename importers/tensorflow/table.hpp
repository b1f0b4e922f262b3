/// \file
/// The operators of TensorFlow's formats that the importer knows. Each theme has a file that adds its rows;
/// table.cpp lists the themes.
#pragma once

#include <map>
#include <string_view>

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// Rows of TensorFlow's operators, by type.
const std::map<std::string_view, Row>& table();

/// The row of an operator of any of the formats; null where there is none.
const Row* findRow(std::string_view type);

/// Operators without a result that matters: checks, and what only orders other nodes.
bool isIgnored(std::string_view type);

}  // namespace tessera::tensorflow
