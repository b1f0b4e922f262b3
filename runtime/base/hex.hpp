/// \file
/// Hashes of texts, and numbers as hexadecimal text: in dumps, file names and records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

/// XXH3 of 64 bits: the same on every machine.
std::uint64_t textHash(std::string_view text);

/// The lowest `digits` hexadecimal digits, with leading zeros.
std::string hexText(std::uint64_t value, int digits = 16);

}  // namespace tessera
