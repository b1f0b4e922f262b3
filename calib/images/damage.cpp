// Where the pictures of image formats end.
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>

#include "calib/images/image_file.hpp"

namespace tessera {
namespace {

std::uint8_t byteAt(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

// Numbers of 2, 4 or 8 bytes; callers have checked that they are there.
std::uint64_t bigEndian(std::string_view bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | byteAt(bytes, at + i);
  return value;
}
std::uint64_t littleEndian(std::string_view bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | byteAt(bytes, at + i);
  return value;
}

std::uint32_t crc32(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t n = 0; n < made.size(); ++n) {
      std::uint32_t c = n;
      for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
      made[n] = c;
    }
    return made;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = table[(crc ^ static_cast<std::uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

// Chunks of length, type, data and a checksum of the latter two; the last is IEND.
std::string whyPng(std::string_view bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = bigEndian(bytes, at, 4);
    if (length > bytes.size() - at - 12) break;
    const std::string_view type = bytes.substr(at + 4, 4);
    const bool critical = std::isupper(byteAt(bytes, at + 4)) != 0;
    if (critical && crc32(bytes.substr(at + 4, 4 + length)) != bigEndian(bytes, at + 8 + length, 4))
      return "it is damaged: its chunk " + std::string(type) + " does not match its checksum";
    if (type == "IEND") return {};
    at += 12 + length;
  }
  return kEndsEarly;
}

std::string whyBmp(std::string_view bytes) {
  if (bytes.size() < 34) return kEndsEarly;
  const std::uint64_t offset = littleEndian(bytes, 10, 4), header = littleEndian(bytes, 14, 4);
  if (header < 40) return {};
  const std::uint64_t width = littleEndian(bytes, 18, 4), bits = littleEndian(bytes, 28, 2);
  const auto rows = static_cast<std::int32_t>(littleEndian(bytes, 22, 4));  // negative: top row first
  const std::uint64_t height = static_cast<std::uint64_t>(rows < 0 ? -std::int64_t{rows} : rows);
  const std::uint64_t compression = littleEndian(bytes, 30, 4);
  if (compression != 0 && compression != 3) return {};  // run lengths
  return offset + (width * bits + 31) / 32 * 4 * height > bytes.size() ? kEndsEarly : "";
}

// "P5 width height largest" and one blank, then rows; P4 has no largest value and eight pixels a byte.
std::string whyPnm(std::string_view bytes) {
  const char kind = bytes[1];
  std::size_t at = 2;
  const auto number = [&]() -> std::optional<std::uint64_t> {
    while (at < bytes.size() && (std::isspace(byteAt(bytes, at)) || bytes[at] == '#'))
      if (bytes[at] == '#')
        at = std::min(bytes.find('\n', at), bytes.size());
      else
        ++at;
    std::uint64_t value = 0;
    const std::size_t begin = at;
    for (; at < bytes.size() && std::isdigit(byteAt(bytes, at)) && at - begin < 10; ++at)
      value = value * 10 + (byteAt(bytes, at) - '0');
    return at == begin ? std::nullopt : std::optional(value);
  };
  const auto width = number(), height = number(),
             largest = kind == '4' ? std::optional<std::uint64_t>(1) : number();
  if (!width || !height || !largest) return at >= bytes.size() ? kEndsEarly : "";
  if (*width > 1u << 30 || *height > 1u << 30) return {};  // decoders refuse it
  const std::uint64_t row =
      kind == '4' ? (*width + 7) / 8 : *width * (kind == '6' ? 3 : 1) * (*largest > 255 ? 2 : 1);
  return at + 1 + row * *height > bytes.size() ? kEndsEarly : "";
}

// The strips or tiles of the first picture.
std::string whyTiff(std::string_view bytes) {
  const bool little = bytes[0] == 'I';
  const auto number = [&](std::size_t at, int count) {
    return little ? littleEndian(bytes, at, count) : bigEndian(bytes, at, count);
  };
  if (bytes.size() < 8) return kEndsEarly;
  const std::size_t directory = number(4, 4);
  if (directory + 2 > bytes.size()) return kEndsEarly;
  const std::size_t entries = number(directory, 2);
  if (directory + 2 + entries * 12 > bytes.size()) return kEndsEarly;
  struct List {
    std::size_t at = 0, count = 0;
    int width = 0;
  } offsets, sizes;
  for (std::size_t e = 0; e < entries; ++e) {
    const std::size_t at = directory + 2 + e * 12, tag = number(at, 2), type = number(at + 2, 2);
    List list{at + 8, number(at + 4, 4), type == 3 ? 2 : type == 4 ? 4 : 0};
    if (list.width == 0) continue;
    if (list.count * list.width > 4) list.at = number(at + 8, 4);
    if (list.at + list.count * list.width > bytes.size()) return kEndsEarly;
    if (tag == 273 || tag == 324) offsets = list;  // strips, tiles
    if (tag == 279 || tag == 325) sizes = list;
  }
  for (std::size_t i = 0; i < std::min(offsets.count, sizes.count); ++i)
    if (number(offsets.at + i * offsets.width, offsets.width) +
            number(sizes.at + i * sizes.width, sizes.width) >
        bytes.size())
      return kEndsEarly;
  return {};
}

}  // namespace

std::string whyDamaged(std::string_view bytes) {
  const auto begins = [&](std::string_view magic) { return bytes.starts_with(magic); };
  if (begins("\xff\xd8")) return whyJpegDamaged(bytes);
  if (begins("\x89PNG\r\n\x1a\n")) return whyPng(bytes);
  if (begins("BM")) return whyBmp(bytes);
  if (begins("P4") || begins("P5") || begins("P6")) return whyPnm(bytes);
  if (begins("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP")
    return 8 + littleEndian(bytes, 4, 4) > bytes.size() ? kEndsEarly : "";
  if (begins(std::string_view("II*\0", 4)) || begins(std::string_view("MM\0*", 4))) return whyTiff(bytes);
  return {};
}

}  // namespace tessera
