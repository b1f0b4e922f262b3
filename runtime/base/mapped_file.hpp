/// \file
/// A file mapped for reading: pages come from disk as they are read, and go again where memory is short.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace tessera {

class MappedFile {
 public:
  /// Throws Error(BadCache) with the reason alone where the file can not be read. A file that is replaced by
  /// another of its name stays as it was here.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }
  /// Takes a part's pages out of this process's memory; they come again when they are read.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tessera
