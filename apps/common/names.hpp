/// \file
/// Names of tensors and layers, which may hold any bytes, in files and in JSON.
#pragma once

#include <string>
#include <string_view>

#include "apps/common/files.hpp"

namespace tessera::app {

/// A name as part of a file's: letters, digits, '_', '-' and '.' inside stay, every other byte becomes %XX,
/// so that different names give different files and the name can be told from the file's. A name that a
/// file's can not hold ends in '%' and a hash of the whole instead.
std::string fileNameOf(std::string_view name);

/// The text where it is UTF-8; else with \xNN for the bytes that are not.
std::string utf8Text(std::string_view text);

/// As writeJson() writes it: strings that are not UTF-8 by utf8Text().
std::string jsonText(const Json& value);

}  // namespace tessera::app
