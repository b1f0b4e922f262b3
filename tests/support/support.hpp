/// \file
/// What several test programs need.
#pragma once

#include <filesystem>

namespace tessera::test {

/// The project's folder, and the one that its programs are built into. Asked here alone, so that no other
/// object file holds a path and compiler caches serve every checkout.
std::filesystem::path sourceFolder();
std::filesystem::path binFolder();

/// The folder of models and images beside the project (or $TESSERA_SHARED). Tests that use it skip, saying
/// so, where it is absent.
std::filesystem::path sharedFolder();

}  // namespace tessera::test
