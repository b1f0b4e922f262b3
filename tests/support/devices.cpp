// The OpenCL devices tests run on.
#include "tests/support/devices.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tessera/error.hpp"

namespace tessera::test {

const std::vector<Device>& devices() {
  // Never destroyed: drivers (Oclgrind's, Mesa's) may be gone before static destructors run.
  static const std::vector<Device>& chosen = *new std::vector<Device>([] {
    // Engines use tuning records by default: the tests start without any.
    const auto folder =
        std::filesystem::temp_directory_path() / ("tessera_tests_" + std::to_string(getpid()));
    setenv("TESSERA_CACHE_DIR", folder.c_str(), 0);
    const char* all = std::getenv("TESSERA_TEST_DEVICES");
    const char* one = std::getenv("TESSERA_TEST_DEVICE");
    if (one) return std::vector<Device>{Device::select(one)};
    auto found = Device::all();
    if (found.empty())
      throw Error(ErrorCode::DeviceError, "the tests need an OpenCL device, e.g. pocl-opencl-icd");
    if (all && std::string_view(all) == "all") return found;
    for (const auto& device : found)
      if (device.caps().pocl) return std::vector<Device>{device};
    return std::vector<Device>{found.front()};
  }());
  return chosen;
}

}  // namespace tessera::test
