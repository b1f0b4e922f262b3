// Files: magic and version, length and checksum of the rest, length of the identity, identity, binary.
#include "cl/program_cache.hpp"

#include <spdlog/logger.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/hex.hpp"
#include "base/read_file.hpp"
#include "base/write_file.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'T', 'S', 'R', 'P', 'R', 'O', 'G', '1'};
constexpr const char* kExtension = ".bin";
constexpr std::uintmax_t kFileLimit = std::uintmax_t{256} << 20;

struct Header {
  char magic[8];
  std::uint64_t bytes;     ///< after the header
  std::uint64_t checksum;  ///< of them
  std::uint64_t identity;  ///< length of the identity, the first of them
};
static_assert(sizeof(Header) == 32);

}  // namespace

ProgramCache::ProgramCache(fs::path folder, std::uintmax_t limitBytes)
    : folder_(std::move(folder)), limit_(limitBytes) {}

std::shared_ptr<ProgramCache> ProgramCache::forDevice(const DeviceCaps& device, const fs::path& folder) {
  if (!pays(device) || trustedFolder(folder).empty()) return nullptr;
  const fs::path programs = trustedFolder(folder / "programs");
  return programs.empty() ? nullptr : std::make_shared<ProgramCache>(programs);
}

std::string ProgramCache::identity(const DeviceCaps& device, std::string_view source,
                                   std::string_view options) {
  std::string text = device.fingerprint() + '\n';
  text.append(options).append("\n");
  // The source's hash, wide enough to stand for it.
  const XXH128_hash_t hash = XXH3_128bits(source.data(), source.size());
  return text + hexText(hash.high64) + hexText(hash.low64) + '\n' + std::to_string(source.size());
}

fs::path ProgramCache::fileOf(const std::string& identity) const {
  return folder_ / (hexText(textHash(identity)) + kExtension);
}

std::optional<std::vector<unsigned char>> ProgramCache::find(const std::string& identity) {
  // Foreign files and links are a miss, too: a binary runs on the device as it is.
  const std::string text = readCacheFile(fileOf(identity), kFileLimit, MarkUsed::Yes).bytes;
  Header header;
  if (text.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, text.data(), sizeof(header));
  const char* rest = text.data() + sizeof(header);
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.bytes != text.size() - sizeof(header) || header.identity != identity.size() ||
      header.identity > header.bytes || header.checksum != textHash({rest, header.bytes}) ||
      identity != std::string_view(rest, identity.size()))
    return std::nullopt;
  return std::vector<unsigned char>(rest + header.identity, rest + header.bytes);
}

void ProgramCache::save(const std::string& identity, const std::vector<unsigned char>& binary) noexcept {
  try {
    std::string rest = identity;
    rest.append(reinterpret_cast<const char*>(binary.data()), binary.size());
    Header header{{}, rest.size(), textHash(rest), identity.size()};
    std::memcpy(header.magic, kMagic, sizeof(kMagic));

    createPrivateFolders(folder_);
    AtomicFile file(fileOf(identity), 0644);
    file.write({reinterpret_cast<const char*>(&header), sizeof(header)});
    file.write(rest);
    file.commit();
    const std::lock_guard lock(mutex_);
    if (total_) *total_ += sizeof(header) + rest.size();
    if (!total_ || *total_ > limit_) shrink();
  } catch (const std::exception& e) {
    const std::lock_guard lock(mutex_);
    if (!complained_) log().warn("compiled programs are not kept in {}: {}", folder_.string(), e.what());
    complained_ = true;
  }
}

void ProgramCache::drop(const std::string& identity) noexcept {
  std::error_code ignored;
  fs::remove(fileOf(identity), ignored);
}

void ProgramCache::shrink() {
  struct Entry {
    fs::file_time_type used;
    std::uintmax_t bytes;
    fs::path file;
  };
  std::vector<Entry> entries;
  std::uintmax_t total = 0;
  const auto dayAgo = fs::file_time_type::clock::now() - std::chrono::hours(24);
  for (const auto& item : fs::directory_iterator(folder_)) {
    std::error_code gone;  // another process may be faster
    const auto bytes = item.file_size(gone);
    const auto used = item.last_write_time(gone);
    if (gone) continue;
    if (isUnfinishedFile(item.path())) {
      if (used < dayAgo) fs::remove(item.path(), gone);  // left by a kill
      continue;
    }
    if (item.path().extension() != kExtension) continue;
    total += bytes;
    entries.push_back({used, bytes, item.path()});
  }
  total_ = total;
  if (total <= limit_) return;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= limit_) return;
    std::error_code gone;
    fs::remove(entry.file, gone);
    total_ = total -= entry.bytes;
  }
}

}  // namespace tessera
