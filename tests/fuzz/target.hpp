/// \file
/// What is fuzzed: every reader of bytes that come from outside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/mutate.hpp"

namespace tessera::test {

struct FuzzTarget {
  std::string_view name;
  /// Reads the bytes. May throw Error of any code but Internal; whatever else happens is a fault.
  void (*read)(std::string_view bytes);
  std::vector<std::string> (*seeds)();
  /// Changes the bytes as what they mean; null where they are changed as bytes only.
  std::string (*mutate)(std::string_view bytes, Random& random) = nullptr;
};

std::vector<FuzzTarget> onnxTargets();
std::vector<FuzzTarget> caffeTargets();
std::vector<FuzzTarget> tensorflowTargets();
std::vector<FuzzTarget> cacheTargets();
std::vector<FuzzTarget> appTargets();  ///< none where the programs are not built

std::vector<FuzzTarget> allFuzzTargets();

/// Calls the target's read(). Throws std::runtime_error for an Error(Internal); other faults pass through.
void readInput(const FuzzTarget& target, std::string_view bytes);

}  // namespace tessera::test
