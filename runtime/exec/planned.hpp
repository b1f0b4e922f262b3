/// \file
/// What a plan keeps for a device so that nothing is compiled or packed again.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cl/program.hpp"

namespace tessera {

/// Names the bytes of a buffer: 128 bits of hash, and how many there are.
using ContentHash = std::array<std::uint64_t, 3>;
ContentHash contentOf(std::span<const std::byte> bytes);

/// A packed constant of a step.
struct PlannedWeights {
  std::uint32_t step = 0, index = 0;  ///< of Lowered::steps, of Launch::packed
  ContentHash content{};
  KeptBytes bytes;
  bool operator==(const PlannedWeights&) const = default;
};

struct PlannedParts {
  /// Of every program; no bytes where the driver gives none.
  std::vector<ProgramBinary> programs;
  std::vector<PlannedWeights> weights;
  bool operator==(const PlannedParts&) const = default;
};

}  // namespace tessera
