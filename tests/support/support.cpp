// What several test programs need.
#include "tests/support/support.hpp"

#include <cstdlib>

namespace tessera::test {

std::filesystem::path sharedFolder() {
  if (const char* given = std::getenv("TESSERA_SHARED")) return given;
  return std::filesystem::path(TESSERA_TEST_SOURCE_DIR).parent_path() / "shared";
}

}  // namespace tessera::test
