/// \file
/// Names as text: without regard to case, and with signs that mean something elsewhere written as %XX.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tessera {

/// Letters of ASCII in lower case, whatever the locale; all other bytes as they are.
std::string lowerCase(std::string_view text);

/// "%2F" for '/': two upper-case hexadecimal digits.
std::string percentEscape(char c);
/// Replaces every %XX by its byte; none where a % has no two hexadecimal digits behind it.
std::optional<std::string> percentUnescaped(std::string_view text);

}  // namespace tessera
