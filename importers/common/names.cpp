// Well-formed UTF-8, what stands for other bytes, and names that are taken.
#include "importers/common/names.hpp"

#include <cstdint>

namespace tessera {
namespace {

/// Bytes of the well-formed character that begins at `at`; 0 where there is none.
std::size_t characterAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  const std::uint8_t second = byte(at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || outside ? 0 : length;
}

}  // namespace

bool isUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = characterAt(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string escapeBytes(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = characterAt(text, at);
    if (length == 0) {
      const auto byte = static_cast<std::uint8_t>(text[at++]);
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      if (text[at] == '\\') out += '\\';
      out.append(text, at, length);
      at += length;
    }
  }
  return out;
}

std::string Names::unique(const std::string& wanted) {
  if (taken_.insert(wanted).second) return wanted;
  int& next = next_.emplace(wanted, 2).first->second;
  for (;;)
    if (std::string numbered = wanted + "#" + std::to_string(next++); taken_.insert(numbered).second)
      return numbered;
}

}  // namespace tessera
