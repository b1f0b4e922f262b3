/// \file
/// The elements of a tensor as bytes: a tensor's own, or somebody else's that it looks at.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace tessera {

/// Bytes of its own, or a view. Reading is alike; whoever asks a view for bytes to write gets a copy of its
/// own first, so what is looked at never changes.
class TensorData {
 public:
  TensorData() = default;
  explicit TensorData(std::size_t size) : own_(size) {}                 ///< zeros
  TensorData(std::vector<std::byte> bytes) : own_(std::move(bytes)) {}  ///< takes them
  /// A view of bytes that do not change meanwhile. `keeper` keeps them as long as anyone holds it; null: they
  /// outlive every copy of the view.
  TensorData(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper)
      : view_(bytes), keeper_(std::move(keeper)), isView_(true) {}

  bool isView() const { return isView_; }                                         ///< else bytes of its own
  std::size_t size() const { return isView_ ? view_.size() : own_.size(); }       ///< bytes
  bool empty() const { return size() == 0; }                                      ///< no byte at all
  const std::byte* data() const { return isView_ ? view_.data() : own_.data(); }  ///< the first byte
  const std::byte* begin() const { return data(); }                               ///< likewise
  const std::byte* end() const { return data() + size(); }                        ///< behind the last
  const std::byte& operator[](std::size_t i) const { return data()[i]; }          ///< byte i

  std::byte* data() { return own().data(); }                 ///< the first byte, to write
  std::byte* begin() { return data(); }                      ///< likewise
  std::byte* end() { return data() + size(); }               ///< behind the last
  std::byte& operator[](std::size_t i) { return own()[i]; }  ///< byte i, to write
  void resize(std::size_t size) { own().resize(size); }      ///< new bytes are zeros
  /// Adds bytes, which are not this tensor's, at the end.
  void append(std::span<const std::byte> bytes) { own().insert(own_.end(), bytes.begin(), bytes.end()); }
  /// The bytes, taken out; of a view a copy.
  std::vector<std::byte> take() && { return std::move(own()); }

  /// By content.
  bool operator==(const TensorData& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  std::vector<std::byte>& own() {
    if (isView_) {
      own_.assign(view_.begin(), view_.end());
      view_ = {}, keeper_.reset(), isView_ = false;
    }
    return own_;
  }

  std::vector<std::byte> own_;
  std::span<const std::byte> view_;
  std::shared_ptr<const void> keeper_;
  bool isView_ = false;
};

}  // namespace tessera
