#include "plan/pieces.hpp"

#include <xxhash.h>

#include <memory>

namespace tessera {

Checksum checksumOf(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

std::uint64_t Pieces::add(std::span<const std::byte> bytes) {
  const std::pair key{checksumOf({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), bytes.size()};
  const std::uint64_t offset = (size_ + kAlignment - 1) / kAlignment * kAlignment;
  const auto [known, added] = known_.emplace(key, offset);
  if (!added) return known->second;
  pieces_.emplace_back(offset, bytes);
  size_ = offset + bytes.size();
  return offset;
}

Checksum Pieces::checksum() const {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  each([&](std::string_view bytes) { XXH3_128bits_update(state.get(), bytes.data(), bytes.size()); });
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return {hash.low64, hash.high64};
}

}  // namespace tessera
