#include "base/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/own_file.hpp"
#include "base/read_file.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

[[noreturn]] void fail(const std::string& why) { throw Error(ErrorCode::BadCache, why); }

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& file) {
  if (const auto why = whyNotRegular(file); !why.empty()) fail(why);
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    const std::string why = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    fail(why);
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const std::string why = data_ == MAP_FAILED ? std::strerror(errno) : "";
  ::close(descriptor);
  if (data_ == MAP_FAILED) data_ = nullptr, fail(why);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

void MappedFile::release(std::span<const std::byte> part) const noexcept { dropPages(part); }

}  // namespace tessera
