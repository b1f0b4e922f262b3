/// \file
/// Manifest plugins that tests write.
#pragma once

#include <string>

namespace tessera::test {

/// A manifest that scales by an attribute and halves the last extent: y[.., i] = scale * x[.., 2 i] + shift.
/// Every test names its own, since a process knows plugins for ever.
std::string everySecond(const std::string& name);
/// Its kernel; `factor` 1 is right.
std::string everySecondKernel(const std::string& factor = "1");

}  // namespace tessera::test
