/// \file
/// The bytes of a section of a plan, gathered from where they lie.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace tessera {

/// XXH3-128 of some bytes.
using Checksum = std::array<std::uint64_t, 2>;

/// Pieces one after another, each at a multiple of kAlignment with zeros before it; equal ones are there
/// once. Refers to the bytes: they have to stay.
class Pieces {
 public:
  static constexpr std::size_t kAlignment = 64;

  /// Where the piece lies in the section.
  std::uint64_t add(std::span<const std::byte> bytes);
  std::uint64_t size() const { return size_; }
  Checksum checksum() const;
  /// visit(std::string_view): the section's bytes from first to last.
  template <class Visit>
  void each(Visit&& visit) const {
    static constexpr char kZeros[kAlignment] = {};
    std::uint64_t at = 0;
    for (const auto& [offset, bytes] : pieces_) {
      visit(std::string_view(kZeros, offset - at));
      visit(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
      at = offset + bytes.size();
    }
  }

 private:
  std::vector<std::pair<std::uint64_t, std::span<const std::byte>>> pieces_;
  std::map<std::pair<Checksum, std::size_t>, std::uint64_t> known_;
  std::uint64_t size_ = 0;
};

Checksum checksumOf(std::string_view bytes);

}  // namespace tessera
