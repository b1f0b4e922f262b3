// What several test programs need.
#include "tests/support/support.hpp"

#include <cstdlib>

namespace tessera::test {

std::filesystem::path sourceFolder() { return TESSERA_SOURCE_DIR; }

std::filesystem::path binFolder() { return TESSERA_BIN_DIR; }

std::filesystem::path sharedFolder() {
  if (const char* given = std::getenv("TESSERA_SHARED")) return given;
  return sourceFolder().parent_path() / "shared";
}

}  // namespace tessera::test
