/// \file
/// OpenCL C's built-in types and functions as declarations, for a driver that else reads a header with all of
/// them.
#pragma once

#include <string>
#include <string_view>

#include "tessera/device.hpp"

namespace tessera {

/// Declares what an OpenCL C 1.2 text may use of the language's types, constants and functions: those whose
/// names occur in it, with the overloads and attributes that Clang's opencl-c.h gives them, so that calls
/// mean the same. Left out: images, functions that no kernel here uses, vectors of half and double. What is
/// left out is an error to the compiler, never another function.
std::string builtinDeclarations(std::string_view text);
/// Whether a driver reads such a header for every program, unless a macro says that it has done so.
bool readsLanguageHeader(const DeviceCaps& device);

}  // namespace tessera
