// Temporary files: random names, exclusive creation, a table of them for signal handlers.
#include "base/write_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <random>

#include "base/hex.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBegin = ".tessera-", kPartial = ".partial";

// What a signal handler removes. Static storage and atomics: a handler can neither allocate nor wait.
struct Slot {
  enum State { Free, Taken, Armed };
  std::atomic<int> state{Free};
  char path[PATH_MAX];
};
Slot slots[32];
std::atomic<bool> ending{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// -1 where all are taken: then the file is removed with its object only.
int arm(const fs::path& path) {
  const std::string& text = path.native();
  if (text.size() >= sizeof Slot::path) return -1;
  for (int i = 0; i < static_cast<int>(std::size(slots)); ++i) {
    int expected = Slot::Free;
    if (!slots[i].state.compare_exchange_strong(expected, Slot::Taken)) continue;
    std::memcpy(slots[i].path, text.c_str(), text.size() + 1);
    slots[i].state = Slot::Armed;
    return i;
  }
  return -1;
}

void disarm(int slot) {
  if (slot >= 0) slots[slot].state = Slot::Free;
}

fs::path randomNeighbour(const fs::path& target) {
  std::random_device device;
  const std::uint64_t number = (std::uint64_t{device()} << 32) | device();
  const std::string extension = target.extension().string();
  std::string name = std::string(kBegin) + hexText(number) + std::string(kPartial);
  if (extension.size() <= 16) name += extension;  // a name has its limits
  return target.parent_path() / name;
}

}  // namespace

AtomicFile::AtomicFile(fs::path target, unsigned mode) : target_(std::move(target)) {
  struct stat there {};
  if (target_.filename().empty()) fail("it names a folder");
  if (::stat(target_.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
    fail(S_ISDIR(there.st_mode) ? "there is a folder of that name" : "it is a device or a pipe, not a file");
  create(mode);
}

void AtomicFile::create(unsigned mode) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary_ = randomNeighbour(target_);
    slot_ = arm(temporary_);
    while (ending) ::pause();  // the process is about to end
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (descriptor_ >= 0) return;
    const int error = errno;
    disarm(slot_);
    if (error != EEXIST) fail(std::strerror(error));
  }
  fail("no temporary file can be created beside it");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
    disarm(slot_);
  }
}

void AtomicFile::fail(const std::string& reason) const {
  throw Error(ErrorCode::InvalidArgument, "Can not write " + target_.string() + ": " + reason + ".");
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  struct stat mine {
  }, named{};
  if (::fstat(descriptor_, &mine) != 0 || ::lstat(temporary_.c_str(), &named) != 0 ||
      mine.st_ino != named.st_ino || mine.st_dev != named.st_dev)
    fail("its temporary file was taken away");
  const int closed = ::close(descriptor_);  // may tell of a write that failed: quotas, file servers
  const int error = errno;
  descriptor_ = -1;
  const auto giveUp = [&](int reason) {
    ::unlink(temporary_.c_str());
    disarm(slot_);
    fail(std::strerror(reason));
  };
  if (closed != 0) giveUp(error);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) giveUp(errno);
  disarm(slot_);
}

bool isUnfinishedFile(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(kBegin) && name.find(kPartial) != std::string::npos;
}

void removeUnfinishedFiles() noexcept {
  ending = true;
  for (Slot& slot : slots)
    if (slot.state == Slot::Armed) ::unlink(slot.path);
}

}  // namespace tessera
