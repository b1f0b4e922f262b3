/// \file
/// Names of models as UTF-8: everything that prints or writes them relies on it.
#pragma once

#include <string>
#include <string_view>

namespace tessera {

/// Whether a text is well-formed UTF-8 (no overlong forms, no surrogates).
bool isUtf8(std::string_view text);

/// The text with every byte that is not part of well-formed UTF-8 as "\xff" and every backslash doubled:
/// different texts stay different, and the bytes can be read back.
std::string escapeBytes(std::string_view text);

}  // namespace tessera
