#include "base/hex.hpp"

#include <xxhash.h>

namespace tessera {

std::uint64_t textHash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::string hexText(std::uint64_t value, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4) *at = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace tessera
