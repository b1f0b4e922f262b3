// Extents of containers against the size of their files.
#include "apps/common/videos.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "calib/images/media.hpp"
#include "tessera/error.hpp"

namespace tessera::app {
namespace {

constexpr const char* kEndsEarly = "it ends before its last frame";

// Headers anywhere in a file.
class Headers {
 public:
  explicit Headers(const fs::path& file) : in_(file, std::ios::binary), size_(fs::file_size(file)) {}
  std::uintmax_t size() const { return size_; }
  /// `count` bytes, or fewer at the end of the file.
  std::string at(std::uintmax_t offset, std::size_t count) {
    std::string bytes(count, '\0');
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(offset));
    in_.read(bytes.data(), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in_.gcount(), 0)));
    return bytes;
  }

 private:
  std::ifstream in_;
  std::uintmax_t size_;
};

std::uint64_t bigEndian(const std::string& bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// "RIFF" size "AVI ", and for more than a gigabyte further such chunks of type "AVIX".
std::string whyAvi(Headers& file) {
  for (std::uintmax_t at = 0; at + 12 <= file.size();) {
    const std::string header = file.at(at, 12);
    if (header.size() < 12 || !header.starts_with("RIFF")) return {};
    std::string size = header.substr(4, 4);
    std::reverse(size.begin(), size.end());
    const std::uint64_t bytes = bigEndian(size, 0, 4);
    if (bytes == 0 || bytes == 0xffffffffu) return {};  // a stream that was never finished says nothing
    if (at + 8 + bytes > file.size()) return kEndsEarly;
    at += 8 + bytes + bytes % 2;
  }
  return {};
}

constexpr std::array<std::string_view, 6> kFirstBoxes{"ftyp", "moov", "mdat", "wide", "free", "skip"};

// Boxes of size and type; a size of 1: 64 bits behind the type, 0: up to the end.
std::string whyMp4(Headers& file) {
  bool index = false;
  for (std::uintmax_t at = 0; at + 8 <= file.size();) {
    const std::string header = file.at(at, 16);
    if (header.size() < 8) break;
    const std::string type = header.substr(4, 4);
    index = index || type == "moov";
    std::uint64_t bytes = bigEndian(header, 0, 4);
    if (bytes == 0) break;
    if (bytes == 1) bytes = header.size() == 16 ? bigEndian(header, 8, 8) : file.size();
    if (bytes > file.size() - at) return kEndsEarly;
    if (bytes < 8) return "its boxes are damaged";
    at += bytes;
  }
  return index ? "" : "it has no index of its frames: it was not finished, or is cut off";
}

// An EBML number: as many leading zero bits in its first byte as there are bytes behind it. All ones: not
// known.
struct EbmlNumber {
  std::uint64_t value;
  std::size_t bytes;
};
std::optional<EbmlNumber> ebmlNumber(const std::string& bytes, std::size_t at) {
  if (at >= bytes.size()) return std::nullopt;
  const auto first = static_cast<std::uint8_t>(bytes[at]);
  std::size_t length = 1;
  while (length <= 8 && !(first & (0x100u >> length))) ++length;
  if (length > 8 || at + length > bytes.size()) return std::nullopt;
  const std::uint64_t mask = (std::uint64_t{1} << (7 * length)) - 1,
                      value = bigEndian(bytes, at, length) & mask;
  if (value == mask) return std::nullopt;
  return EbmlNumber{value, length};
}

// The EBML header, then one segment.
std::string whyMatroska(Headers& file) {
  const auto header = ebmlNumber(file.at(0, 12), 4);
  if (!header) return {};
  const std::uintmax_t at = 4 + header->bytes + header->value;
  const std::string segment = file.at(at, 12);
  if (segment.size() < 5) return kEndsEarly;
  if (!segment.starts_with("\x18\x53\x80\x67")) return {};
  const auto size = ebmlNumber(segment, 4);
  return size && (size->value > file.size() || at + 4 + size->bytes + size->value > file.size()) ? kEndsEarly
                                                                                                 : "";
}

}  // namespace

std::string whyTruncatedVideo(const fs::path& file) {
  Headers headers(file);
  const std::string begin = headers.at(0, 12);
  if (begin.size() < 12) return kEndsEarly;
  if (begin.starts_with("RIFF") && begin.substr(8, 4) == "AVI ") return whyAvi(headers);
  if (begin.starts_with("\x1a\x45\xdf\xa3")) return whyMatroska(headers);
  const bool boxes =
      std::find(kFirstBoxes.begin(), kFirstBoxes.end(), begin.substr(4, 4)) != kFirstBoxes.end();
  return boxes ? whyMp4(headers) : std::string();
}

void requireFrames(const fs::path& video, std::size_t frames, const fs::path& target) {
  const auto written = media().readVideo(video.string());
  cv::Mat last;
  const bool whole = written && written->frames() == static_cast<double>(frames) &&
                     (frames < 2 || written->seek(static_cast<double>(frames - 1))) && written->read(last);
  if (!whole)
    throw Error(ErrorCode::InvalidArgument, "Can not write " + target.string() +
                                                ": the video can not be read back with its " +
                                                std::to_string(frames) + " frames. Is the disk full?");
}

}  // namespace tessera::app
