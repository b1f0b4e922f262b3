// The library's log, sent to Python.
#include "tessera/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <mutex>

#include "python/src/module.hpp"
#include "tessera/error.hpp"

namespace tessera::python {
namespace {

std::string levelName(spdlog::level::level_enum level) {
  const auto name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

/// Calls a callable with level and message. It has no lock of its own: the GIL is one, and a thread that
/// holds the GIL must never wait for one that waits for the GIL.
class PythonSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit PythonSink(py::function callable) : callable_(std::move(callable)) {}
  ~PythonSink() override {
    const py::gil_scoped_acquire gil;
    callable_ = {};
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const py::gil_scoped_acquire gil;
    // A message may be sent while an exception of Python is on its way; it stays.
    const py::error_scope kept;
    try {
      callable_(levelName(message.level), std::string(message.payload.data(), message.payload.size()));
    } catch (py::error_already_set& error) {  // a log can not fail what is logged
      error.discard_as_unraisable("tessera.set_logger");
    }
  }
  void flush_() override {}

  py::function callable_;
};

// logging.Logger's methods know the levels by numbers.
py::function callableOf(const py::object& logger) {
  if (!py::hasattr(logger, "log")) return logger.cast<py::function>();
  const py::object levels = py::module_::import("logging").attr("getLevelName");
  return py::cpp_function([logger, levels](const std::string& level, const std::string& message) {
    const py::object known = levels(py::str(level == "trace" ? "debug" : level).attr("upper")());
    logger.attr("log")(known, "%s", message);
  });
}

void setPythonLogger(const py::object& logger) {
  const auto level = log().level();
  std::shared_ptr<spdlog::logger> made;
  if (!logger.is_none())
    made = std::make_shared<spdlog::logger>("tessera", std::make_shared<PythonSink>(callableOf(logger)));
  if (made) made->set_level(level);
  withoutGil([&] { setLogger(std::move(made)); });
}

void setLevel(const std::string& name) {
  const auto level = spdlog::level::from_str(name);  // "off" for what it does not know
  if (level == spdlog::level::off && name != "off")
    throw Error(ErrorCode::InvalidArgument, "'" + name +
                                                "' is no level; there are trace, debug, info, warning, "
                                                "error, critical, off");
  log().set_level(level);
}

}  // namespace

void bindLog(py::module_& module) {
  module.def("set_logger", &setPythonLogger, py::arg("logger"), doc("set_logger"));
  module.def("set_log_level", &setLevel, py::arg("level"), doc("set_log_level"));
  // What the logger calls is gone when the interpreter is.
  py::module_::import("atexit").attr("register")(py::cpp_function([] { setLogger(nullptr); }));
}

}  // namespace tessera::python
