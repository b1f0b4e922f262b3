/// \file
/// Bytes that are somebody's own, or a view of bytes that are kept elsewhere: in a mapped file, for one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace tessera {

/// Immutable; cheap to copy.
class KeptBytes {
 public:
  KeptBytes() = default;
  /// Bytes of its own.
  explicit KeptBytes(std::vector<std::byte> bytes) {
    auto own = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    bytes_ = *own;
    keeper_ = std::move(own);
  }
  /// `keeper` keeps the bytes as long as anyone holds it.
  KeptBytes(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper)
      : bytes_(bytes), keeper_(std::move(keeper)) {}

  const std::byte* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size(); }
  bool operator==(const KeptBytes& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> keeper_;
};

}  // namespace tessera
