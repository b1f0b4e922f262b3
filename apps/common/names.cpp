// Names in files and in JSON.
#include "apps/common/names.hpp"

#include <spdlog/fmt/fmt.h>

#include "base/hex.hpp"
#include "base/text.hpp"

namespace tessera::app {
namespace {

constexpr std::size_t kLongest = 180;  // bytes; file systems take 255, with suffixes and temporary marks

bool isPlain(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

// Bytes of the UTF-8 character that begins at `at`; 0 where none does.
std::size_t characterAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 0 || lead > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const unsigned char next = byte(1);
  const bool overlong = (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90);
  const bool surrogate = lead == 0xed && next > 0x9f, beyond = lead == 0xf4 && next > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

Json withUtf8(const Json& value) {
  if (value.is_string()) return utf8Text(value.get_ref<const std::string&>());
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(withUtf8(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, item] : value.items()) out[utf8Text(key)] = withUtf8(item);
  return out;
}

}  // namespace

std::string fileNameOf(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool inside = i > 0 && i + 1 < name.size();  // "." and ".." are folders, ".x" is hidden
    const bool plain = isPlain(c) || (c == '.' && inside);
    out += plain ? std::string(1, name[i]) : percentEscape(name[i]);
  }
  if (out.empty()) return "%";  // which no other name gives
  if (out.size() <= kLongest) return out;
  out.resize(kLongest - 17);
  while (!out.empty() && out.find('%', out.size() < 2 ? 0 : out.size() - 2) != std::string::npos)
    out.pop_back();
  return out + '%' + hexText(textHash(name));
}

std::string utf8Text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = characterAt(text, at);
    if (length == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at++]));
    else
      out += text.substr(at, length), at += length;
  }
  return out;
}

std::string jsonText(const Json& value) { return withUtf8(value).dump(2) + "\n"; }

}  // namespace tessera::app
