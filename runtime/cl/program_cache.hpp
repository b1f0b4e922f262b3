/// \file
/// Compiled programs on disk, so that a second start compiles nothing. A bad file is a miss, never an error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/kept_bytes.hpp"
#include "tessera/device.hpp"

namespace tessera {

/// A compiled program as the driver gave it.
struct ProgramBinary {
  std::string identity;  ///< ProgramCache::identity()
  KeptBytes bytes;       ///< none where the driver gives no binaries
  bool operator==(const ProgramBinary&) const = default;
};

/// A folder of binaries, bounded in size: the longest unused go first. Safe for several threads and
/// processes: files are written aside and renamed.
class ProgramCache {
 public:
  static constexpr std::uintmax_t kDefaultLimit = std::uintmax_t{512} << 20;

  explicit ProgramCache(std::filesystem::path folder, std::uintmax_t limitBytes = kDefaultLimit);
  /// Whether a start with binaries is quicker on such a device: Mesa keeps a cache of its own.
  static bool pays(const DeviceCaps& device) { return device.platform != "rusticl"; }
  /// The cache below `folder` for such a device; null where it does not pay or `folder` is empty.
  static std::shared_ptr<ProgramCache> forDevice(const DeviceCaps& device,
                                                 const std::filesystem::path& folder);

  /// What makes a program: compared in full, so that two with one hash are told apart.
  static std::string identity(const DeviceCaps& device, std::string_view source, std::string_view options);

  /// The binary saved under that identity; none where there is none or the file is damaged. Marks it used.
  std::optional<std::vector<unsigned char>> find(const std::string& identity);
  /// Never throws: what can not be written is not cached, which is said once.
  void save(const std::string& identity, const std::vector<unsigned char>& binary) noexcept;
  /// Forgets a binary that the driver refused.
  void drop(const std::string& identity) noexcept;

  std::filesystem::path fileOf(const std::string& identity) const;

 private:
  void shrink();  ///< counts what is there, and removes what is too much

  std::filesystem::path folder_;
  std::uintmax_t limit_;
  std::mutex mutex_;
  std::optional<std::uintmax_t> total_;  ///< bytes in the folder, as far as this object knows
  bool complained_ = false;
};

}  // namespace tessera
