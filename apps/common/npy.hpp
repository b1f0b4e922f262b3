/// \file
/// NumPy's .npy files: one array each.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tessera/tensor.hpp"

namespace tessera::app {

/// Reads little-endian, row-major arrays of f2, f4, f8 (becomes f32), i1, u1, i4, i8 and b1.
/// Throws Error(InvalidArgument) that names the file and the reason.
HostTensor readNpy(const std::filesystem::path& file);
HostTensor parseNpy(std::string_view bytes, const std::string& name);

void writeNpy(const std::filesystem::path& file, const HostTensor& tensor);
std::string npyBytes(const HostTensor& tensor);

}  // namespace tessera::app
