/// \file
/// Small, repeatable changes of inputs: of bytes and text, and of protobuf messages by their fields.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::test {

/// The same numbers everywhere: distributions of the standard library are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// 0 <= result < limit
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }

 private:
  std::mt19937_64 engine_;
};

/// A few bytes or numbers changed, repeated, moved or lost, or a part of `other` put in.
std::string mutateBytes(std::string_view bytes, std::string_view other, Random& random);

/// One field anywhere in the message set to a value that hurts, removed, repeated, or exchanged with a
/// neighbour.
void mutateMessage(google::protobuf::Message& message, Random& random);

}  // namespace tessera::test
