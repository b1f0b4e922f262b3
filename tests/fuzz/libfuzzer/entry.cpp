// One target for libFuzzer: TESSERA_FUZZ_TARGET names it. Without a corpus it writes the target's seeds to
// the first folder.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t limit);

namespace {

const tessera::test::FuzzTarget& target() {
  static const auto all = tessera::test::allFuzzTargets();
  for (const auto& t : all)
    if (t.name == TESSERA_FUZZ_TARGET) return t;
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i) {
    const std::filesystem::path folder = (*argv)[i];
    if (!std::filesystem::is_directory(folder)) continue;
    int n = 0;
    if (std::filesystem::is_empty(folder))
      for (const auto& seed : target().seeds())
        std::ofstream(folder / ("seed" + std::to_string(n++)), std::ios::binary) << seed;
    break;
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t limit,
                                               unsigned seed) {
  if (!target().mutate || seed % 4 == 0) return LLVMFuzzerMutate(data, size, limit);
  tessera::test::Random random(seed);
  const std::string changed = target().mutate({reinterpret_cast<const char*>(data), size}, random);
  const std::size_t kept = std::min(changed.size(), limit);
  std::copy_n(changed.begin(), kept, data);
  return kept;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tessera::test::readInput(target(), {reinterpret_cast<const char*>(data), size});
  return 0;
}
