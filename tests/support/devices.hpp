/// \file
/// The OpenCL devices tests run on.
#pragma once

#include <vector>

#include "tessera/device.hpp"

namespace tessera::test {

/// The device $TESSERA_TEST_DEVICE selects (default: PoCL, else any CPU, else the first);
/// every device where TESSERA_TEST_DEVICES=all. Throws where there is none: tests must not pass without one.
const std::vector<Device>& devices();
inline const Device& device() { return devices().front(); }

}  // namespace tessera::test
