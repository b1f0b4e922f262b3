/// \file
/// The operators the ONNX importer knows. Each theme has a file that adds its rows; table.cpp lists the
/// themes.
#pragma once

#include <map>
#include <string_view>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {

/// Rows by operator type; those of one type cover different operator sets.
const std::multimap<std::string_view, Row>& table();

/// The row for an operator in an operator set; null where there is none, with the reason in `why`.
const Row* findRow(std::string_view type, int opset, std::string& why);

}  // namespace tessera::onnx
