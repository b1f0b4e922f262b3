// Error names and the injectable logger.
#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera {

std::string_view toString(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "InvalidArgument";
    case ErrorCode::Unsupported:
      return "Unsupported";
    case ErrorCode::BadModel:
      return "BadModel";
    case ErrorCode::DeviceError:
      return "DeviceError";
    case ErrorCode::OutOfMemory:
      return "OutOfMemory";
    case ErrorCode::BadCache:
      return "BadCache";
    case ErrorCode::Internal:
      return "Internal";
  }
  return "?";
}

namespace {
std::shared_ptr<spdlog::logger>& slot() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("tessera", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_level(spdlog::level::warn);
    made->set_pattern("%^%l%$: %v");
    return made;
  }();
  return logger;
}
}  // namespace

spdlog::logger& log() { return *slot(); }

void setLogger(std::shared_ptr<spdlog::logger> logger) {
  if (!logger)
    logger = std::make_shared<spdlog::logger>("tessera", std::make_shared<spdlog::sinks::null_sink_mt>());
  slot() = std::move(logger);
}

}  // namespace tessera
