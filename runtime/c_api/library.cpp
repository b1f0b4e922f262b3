// The C interface: errors, versions, messages, devices.
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <mutex>

#include "c_api/handles.hpp"
#include "tessera/log.hpp"
#include "tessera/plugin.hpp"

namespace tessera::c_api {
namespace {

std::string& lastError() {
  thread_local std::string message;
  return message;
}

// Hands messages to a function of the host's.
class FunctionSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  FunctionSink(tessera_log_function function, void* user) : function_(function), user_(user) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string text(message.payload.data(), message.payload.size());
    function_(user_, severityOf(message.level), text.c_str());
  }
  void flush_() override {}

 private:
  static tessera_severity severityOf(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return TESSERA_ERROR;
    if (level == spdlog::level::warn) return TESSERA_WARNING;
    return level == spdlog::level::info ? TESSERA_INFO : TESSERA_DEBUG;
  }
  tessera_log_function function_;
  void* user_;
};

spdlog::level::level_enum levelOf(tessera_severity least) {
  switch (least) {
    case TESSERA_DEBUG:
      return spdlog::level::trace;
    case TESSERA_INFO:
      return spdlog::level::info;
    case TESSERA_WARNING:
      return spdlog::level::warn;
    case TESSERA_ERROR:
      return spdlog::level::err;
  }
  return spdlog::level::warn;
}

}  // namespace

tessera_status failed(tessera_status status, const char* message) noexcept {
  try {
    lastError() = message;
  } catch (const std::bad_alloc&) {
    lastError().clear();
  }
  return status;
}

}  // namespace tessera::c_api

using namespace tessera;
using namespace tessera::c_api;

const char* tessera_last_error(void) { return lastError().c_str(); }
const char* tessera_version(void) { return TESSERA_VERSION; }
uint32_t tessera_c_version(void) { return TESSERA_C_VERSION_MAJOR << 16 | TESSERA_C_VERSION_MINOR; }

void tessera_set_log(tessera_log_function function, void* user, tessera_severity least) {
  guarded([&] {
    if (!function) return setLogger(nullptr);
    auto logger = std::make_shared<spdlog::logger>("tessera", std::make_shared<FunctionSink>(function, user));
    logger->set_level(levelOf(least));
    setLogger(std::move(logger));
  });
}

tessera_status tessera_load_plugins(const char* file) {
  return guarded([&] { loadPlugins(textOf(file, "file")); });
}

size_t tessera_device_count(void) {
  std::size_t count = 0;
  guarded([&] { count = Device::all().size(); });
  return count;
}

tessera_status tessera_device_at(size_t index, tessera_device** device) {
  return guarded([&] {
    const auto all = Device::all();
    if (index >= all.size())
      throw Error(ErrorCode::InvalidArgument, "There is no device " + std::to_string(index) + ": there are " +
                                                  std::to_string(all.size()) + ".");
    given(device, "device") = new tessera_device{all[index]};
  });
}

tessera_status tessera_device_select(const char* selector, tessera_device** device) {
  return guarded(
      [&] { given(device, "device") = new tessera_device{Device::select(selector ? selector : "")}; });
}

const char* tessera_device_name(const tessera_device* device) {
  return device ? device->device.caps().name.c_str() : "";
}

void tessera_device_release(tessera_device* device) { delete device; }
