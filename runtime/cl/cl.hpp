/// \file
/// The C++ bindings, and how their errors become Tessera's.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <CL/opencl.hpp>
#pragma GCC diagnostic pop

#include <string>
#include <string_view>

#include "tessera/error.hpp"

namespace tessera {

std::string_view clErrorName(cl_int code);

/// Throws DeviceError, or OutOfMemory where the code means that. `doing` completes "while ...".
[[noreturn]] void throwClError(cl_int code, std::string_view call, std::string_view doing);

/// Runs `body`; an OpenCL error inside becomes a Tessera error that says what was being done.
template <class Body>
auto guarded(std::string_view doing, Body&& body) {
  try {
    return body();
  } catch (const cl::Error& e) {
    throwClError(e.err(), e.what() ? e.what() : "OpenCL", doing);
  }
}

}  // namespace tessera
