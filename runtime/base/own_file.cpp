// Files without a name: written once, mapped, closed.
#include "base/own_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Local disks. Memory (tmpfs) would gain nothing, and what comes over a network may fail to come again.
bool onDisk(const struct statfs& system) {
  constexpr std::uint32_t kXfs = 0x58465342, kZfs = 0x2fc12fc1, kBcachefs = 0xca451a4e;
  constexpr std::uint32_t kKinds[] = {
      EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, kXfs, kZfs, kBcachefs};
  return std::ranges::find(kKinds, static_cast<std::uint32_t>(system.f_type)) != std::end(kKinds);
}

bool hasRoom(const fs::path& folder, std::size_t bytes) {
  struct statfs system {};
  if (::statfs(folder.c_str(), &system) != 0 || !onDisk(system)) return false;
  const auto free = static_cast<double>(system.f_bavail) * static_cast<double>(system.f_bsize);
  return free > 4.0 * static_cast<double>(bytes);  // others want to write, too
}

// A file that grows beyond the limit ends the process by a signal.
bool mayWrite(std::size_t bytes) {
  struct rlimit limit {};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
         (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes);
}

int openUnnamed(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  if (descriptor >= 0) return descriptor;
  std::string name = (folder / ".tessera-XXXXXX").string();  // not every file system knows O_TMPFILE
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

bool writeAll(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

// Where files are mapped: what is released must be in one, or it is lost.
class Mapped {
 public:
  void add(const void* begin, std::size_t size) {
    const std::lock_guard lock(mutex_);
    ends_[begin] = static_cast<const std::byte*>(begin) + size;
  }
  void remove(const void* begin) {
    const std::lock_guard lock(mutex_);
    ends_.erase(begin);
  }
  bool holds(const std::byte* begin, const std::byte* end) {
    const std::lock_guard lock(mutex_);
    const auto behind = ends_.upper_bound(begin);
    return behind != ends_.begin() && std::less_equal<>()(end, std::prev(behind)->second);
  }

 private:
  std::mutex mutex_;
  std::map<const void*, const std::byte*, std::less<>> ends_;
};

Mapped& mapped() {
  static auto* all = new Mapped;  // views may outlive what is static
  return *all;
}

std::optional<TensorData> mappedCopy(std::span<const std::byte> bytes, const fs::path& folder) {
  const int descriptor = openUnnamed(folder);
  if (descriptor < 0) return std::nullopt;
  void* at = writeAll(descriptor, bytes) ? ::mmap(nullptr, bytes.size(), PROT_READ, MAP_SHARED, descriptor, 0)
                                         : MAP_FAILED;
  ::close(descriptor);
  if (at == MAP_FAILED) return std::nullopt;
  const std::shared_ptr<const void> keeper(at, [size = bytes.size()](void* p) {
    mapped().remove(p);
    ::munmap(p, size);
  });
  mapped().add(at, bytes.size());
  return TensorData({static_cast<const std::byte*>(at), bytes.size()}, keeper);
}

}  // namespace

std::vector<fs::path> ownFileFolders() {
  if (const char* own = std::getenv("TESSERA_CONSTANTS_DIR"))
    return *own ? std::vector<fs::path>{own} : std::vector<fs::path>{};
  std::error_code none;
  std::vector<fs::path> folders{fs::temp_directory_path(none), "/var/tmp"};
  std::erase_if(folders, [](const fs::path& folder) { return folder.empty(); });
  return folders;
}

std::optional<TensorData> inOwnFile(std::span<const std::byte> bytes, const std::vector<fs::path>& folders) {
  if (bytes.empty() || !mayWrite(bytes.size())) return std::nullopt;
  for (const fs::path& folder : folders)
    if (hasRoom(folder, bytes.size()))
      if (auto copy = mappedCopy(bytes, folder)) return copy;
  return std::nullopt;
}

void releaseOwnFile(const TensorData& data) noexcept {
  if (data.isView() && mapped().holds(data.begin(), data.end())) dropPages(data);
}

void dropPages(std::span<const std::byte> bytes) noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t first = (begin + page - 1) / page * page, end = (begin + bytes.size()) / page * page;
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace tessera
