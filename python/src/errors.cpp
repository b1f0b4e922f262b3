// Errors as exceptions, a class for each code.
#include "python/src/module.hpp"
#include "tessera/context.hpp"

namespace tessera::python {

void bindErrors() {
  const py::module_ errors = py::module_::import("tessera._errors");
  for (const char* name : {"Error", "InvalidArgument", "Unsupported", "BadModel", "DeviceError", "Cancelled",
                           "OutOfMemory", "BadCache", "Internal"})
    errors.attr(name).attr("__doc__") = doc(name);
  py::register_exception_translator([](std::exception_ptr thrown) {
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const Cancelled& error) {
      PyErr_SetString(py::module_::import("tessera._errors").attr("Cancelled").ptr(), error.what());
    } catch (const Error& error) {
      const std::string name(toString(error.code()));
      PyErr_SetString(py::module_::import("tessera._errors").attr(name.c_str()).ptr(), error.what());
    }
  });
}

}  // namespace tessera::python
