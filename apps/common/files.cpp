// Whole files.
#include "apps/common/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "files/write_file.hpp"
#include "tessera/error.hpp"

namespace tessera::app {
namespace {

constexpr std::uintmax_t kJsonLimit = std::uintmax_t{8} << 20;  // as values it takes many times that

[[noreturn]] void refuseWriting(const fs::path& file, const std::string& reason) {
  throw Error(ErrorCode::InvalidArgument, "Can not write " + file.string() + ": " + reason + ".");
}

// A pipe, a device, or one of this process's own streams: those are written to, not replaced.
bool isStream(const fs::path& file) {
  const std::string name = file.lexically_normal().string();
  if (name == "/dev/stdout" || name == "/dev/stderr" || name.starts_with("/dev/fd/") ||
      name.starts_with("/proc/self/fd/"))
    return true;
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode));
}

void writeToStream(const fs::path& file, std::string_view bytes) {
  // Without waiting for a reader of a pipe; with one, for room in it.
  const int stream = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (stream < 0) refuseWriting(file, errno == ENXIO ? "nobody reads this pipe" : std::strerror(errno));
  ::fcntl(stream, F_SETFL, ::fcntl(stream, F_GETFL) & ~O_NONBLOCK);
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t n = ::write(stream, bytes.data(), bytes.size());
    if (n >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      error = errno;
  }
  if (::close(stream) != 0 && error == 0) error = errno;
  if (error != 0) refuseWriting(file, std::strerror(error));
}

// Creates missing folders, then hands a temporary file to `write`.
void replaceFile(const fs::path& file, const std::function<void(AtomicFile&)>& write) {
  std::error_code failed;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), failed);
  if (failed) refuseWriting(file, failed.message());
  AtomicFile made(file);
  write(made);
  made.commit();
}

}  // namespace

std::string readFile(const fs::path& file, std::uintmax_t limit) {
  FileContent content = readRegularFile(file, limit);
  if (!content.ok())
    throw Error(ErrorCode::InvalidArgument, "Can not read " + file.string() + ": " + content.why + ".");
  return std::move(content.bytes);
}

void writeAtomically(const fs::path& file, const std::function<void(const fs::path& temporary)>& write) {
  replaceFile(file, [&](AtomicFile& made) { write(made.temporary()); });
}

void writeFile(const fs::path& file, std::string_view bytes) {
  if (isStream(file)) return writeToStream(file, bytes);
  replaceFile(file, [&](AtomicFile& made) { made.write(bytes); });
}

Json readJson(const fs::path& file) {
  std::string text = readFile(file, kJsonLimit);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // the byte order mark that some editors write
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::InvalidArgument, file.string() + " is not JSON: " + e.what() + ".");
  }
}

void writeJson(const fs::path& file, const Json& value) { writeFile(file, value.dump(2) + "\n"); }

}  // namespace tessera::app
