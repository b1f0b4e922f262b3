// The list of targets, and what counts as a fault.
#include <spdlog/logger.h>

#include <stdexcept>

#include "tessera/error.hpp"
#include "tessera/log.hpp"
#include "tests/fuzz/target.hpp"

namespace tessera::test {

#ifndef TESSERA_HAS_APPS
std::vector<FuzzTarget> appTargets() { return {}; }
#endif

std::vector<FuzzTarget> allFuzzTargets() {
  std::vector<FuzzTarget> all;
  for (const auto& some : {onnxTargets(), caffeTargets(), tensorflowTargets(), cacheTargets(), appTargets()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

void readInput(const FuzzTarget& target, std::string_view bytes) {
  setLogger(nullptr);  // it would tell of thousands of damaged files
  try {
    target.read(bytes);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::Internal) throw std::runtime_error(std::string("internal error: ") + e.what());
  }
}

}  // namespace tessera::test
