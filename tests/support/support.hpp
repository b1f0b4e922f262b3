/// \file
/// What several test programs need.
#pragma once

#include <filesystem>

namespace tessera::test {

/// The folder of models and images beside the project (or $TESSERA_SHARED). Tests that use it skip, saying
/// so, where it is absent.
std::filesystem::path sharedFolder();

}  // namespace tessera::test
