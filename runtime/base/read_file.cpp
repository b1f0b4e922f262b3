// Regular files only, opened without waiting.
#include "base/read_file.hpp"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

#include "tessera/log.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor(const fs::path& file, int flags)
      : value_(::open(file.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

std::string kindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a folder, not a file";
  if (S_ISFIFO(mode)) return "it is a pipe, not a file";
  if (S_ISSOCK(mode)) return "it is a socket, not a file";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "it is a device, not a file";
  if (S_ISLNK(mode)) return "it is a link";
  return "it is no file";
}

// Only looks at what the name leads to: a device may do things when it is opened.
std::string statRegular(const fs::path& file, struct stat& status) {
  if (::stat(file.c_str(), &status) != 0) return std::strerror(errno);
  return S_ISREG(status.st_mode) ? std::string() : kindOf(status.st_mode);
}

std::string foreignOwner(const struct stat& status) {
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return "user " + std::to_string(status.st_uid) + " owns it";
  if (!S_ISLNK(status.st_mode) && (status.st_mode & S_IWOTH)) return "everyone may write it";
  return {};
}

FileContent refusal(std::string why, bool missing = false) { return {{}, std::move(why), missing}; }

FileContent readAll(int descriptor, std::uintmax_t limit) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return refusal(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refusal(kindOf(status.st_mode));
  const auto tooMuch = [&](std::uintmax_t size) {
    return refusal("it holds " + std::to_string(size) + " bytes; at most " + std::to_string(limit) +
                   " are read");
  };
  const auto size = static_cast<std::uintmax_t>(std::max<off_t>(status.st_size, 0));
  if (size > limit) return tooMuch(size);
  // The size is a hint: files of /proc have none, and others may grow.
  FileContent content;
  content.bytes.resize(static_cast<std::size_t>(size) + 1);
  std::size_t done = 0;
  while (true) {
    if (done == content.bytes.size()) content.bytes.resize(done + std::max<std::size_t>(done, 4096));
    const ssize_t n = ::read(descriptor, content.bytes.data() + done, content.bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refusal(std::strerror(errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
    if (done > limit) return tooMuch(done);
  }
  content.bytes.resize(done);
  return content;
}

}  // namespace

std::string whyNotRegular(const fs::path& file) {
  struct stat status {};
  if (std::string why = statRegular(file, status); !why.empty()) return why;
  const Descriptor opened(file, O_RDONLY);
  return opened.get() < 0 ? std::strerror(errno) : std::string();
}

FileContent readRegularFile(const fs::path& file, std::uintmax_t limit) {
  struct stat status {};
  if (std::string why = statRegular(file, status); !why.empty()) {
    const bool missing = errno == ENOENT && status.st_mode == 0;
    return refusal(std::move(why), missing);
  }
  const Descriptor opened(file, O_RDONLY);
  if (opened.get() < 0) return refusal(std::strerror(errno));
  return readAll(opened.get(), limit);
}

FileContent readCacheFile(const fs::path& file, std::uintmax_t limit, MarkUsed mark) {
  const Descriptor opened(file, O_RDONLY | O_NOFOLLOW);
  if (opened.get() < 0)
    return refusal(errno == ELOOP ? kindOf(S_IFLNK) : std::strerror(errno), errno == ENOENT);
  if (std::string why = whyForeign(opened.get()); !why.empty()) return refusal(std::move(why));
  FileContent content = readAll(opened.get(), limit);
  if (content.ok() && mark == MarkUsed::Yes)
    ::futimens(opened.get(), nullptr);  // a read-only folder still serves
  return content;
}

std::string whyForeign(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::strerror(errno);
  return foreignOwner(status);
}

std::string whyForeign(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (std::string why = foreignOwner(status); !why.empty() || !S_ISLNK(status.st_mode)) return why;
  if (::stat(path.c_str(), &status) != 0) return "it is a link that leads nowhere";
  return foreignOwner(status);
}

fs::path trustedFolder(const fs::path& folder) {
  if (folder.empty()) return folder;
  const std::string why = whyForeign(folder);
  if (why.empty()) return folder;
  static std::mutex mutex;
  static std::set<fs::path> reported;
  const std::lock_guard lock(mutex);
  if (reported.insert(folder).second) log().warn("the cache folder {} is not used: {}", folder.string(), why);
  return {};
}

bool createPrivateFolders(const fs::path& folder) {
  std::error_code error;
  if (folder.empty() || fs::is_directory(folder, error)) return !folder.empty();
  if (folder.has_relative_path() && folder.parent_path() != folder && !folder.parent_path().empty() &&
      !createPrivateFolders(folder.parent_path()))
    return false;
  return ::mkdir(folder.c_str(), 0700) == 0 || fs::is_directory(folder, error);
}

}  // namespace tessera
