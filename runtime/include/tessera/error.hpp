/// \file
/// The one exception hierarchy of Tessera.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace tessera {

/// What kind of failure it was, for callers that act on it.
enum class ErrorCode {
  InvalidArgument,  ///< the caller passed something that can never work
  Unsupported,      ///< valid, but Tessera has no implementation; the message says what would help
  BadModel,         ///< a model file is damaged or contradicts itself
  DeviceError,      ///< an OpenCL call or a kernel build failed; the message names call, code and kernel
  OutOfMemory,      ///< the device or the host has no room
  BadCache,         ///< a calibration or tuning cache is damaged or belongs to something else
  Internal,         ///< a defect of Tessera itself
};

std::string_view toString(ErrorCode code);  ///< the name as written here

/// Every error Tessera throws. what() is a complete sentence that names file, node and reason where they are
/// known.
class Error : public std::runtime_error {
 public:
  /// `message`: what() returns it.
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }  ///< see there

 private:
  ErrorCode code_;
};

}  // namespace tessera
