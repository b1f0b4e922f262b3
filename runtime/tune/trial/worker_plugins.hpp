/// \file
/// Plugins on their way to tuning workers, which are processes of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clkernels/family.hpp"

namespace tessera {

/// False for the kernels of a class that the program itself brought: no other process has it.
bool workersKnow(const KernelFamily& family);

/// Requests that make the plugins of this process known to a worker, each with its line end.
std::string pluginRequests();
inline constexpr std::string_view kPluginRequest = "plugin";    ///< 0, manifest, source
inline constexpr std::string_view kLibraryRequest = "library";  ///< 0, file

/// Obeys such a request; false where it is none, or can not be obeyed.
bool takePluginRequest(const std::vector<std::string_view>& fields);

}  // namespace tessera
