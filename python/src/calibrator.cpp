// Calibrators that are classes of Python.
#include "python/src/calibrator.hpp"

#include "python/src/arrays.hpp"

namespace tessera::python {
namespace {

// Null where the class does not define the method itself.
py::function methodOf(const PythonCalibrator* calibrator, const char* name) {
  return py::get_override(static_cast<const Calibrator*>(calibrator), name);
}

py::function neededMethod(const PythonCalibrator* calibrator, const char* name) {
  if (py::function method = methodOf(calibrator, name)) return method;
  const py::object self = py::cast(static_cast<const Calibrator*>(calibrator));
  throw Error(ErrorCode::InvalidArgument, "calibrator " +
                                              py::type::of(self).attr("__name__").cast<std::string>() +
                                              " has no method " + name + "()");
}

// What a method gave as what the library takes.
template <class T>
T result(const py::object& value, const char* name, const char* wanted) {
  try {
    return value.cast<T>();
  } catch (const py::cast_error&) {
    throw Error(ErrorCode::InvalidArgument,
                std::string("a calibrator's ") + name + "() gives " + wanted + ", not " +
                    py::repr(py::type::of(value).attr("__name__")).cast<std::string>());
  }
}

}  // namespace

int PythonCalibrator::batchSize() const {
  const py::gil_scoped_acquire gil;
  return result<int>(neededMethod(this, "batch_size")(), "batch_size", "a whole number");
}

bool PythonCalibrator::nextBatch(TensorMap& inputs) {
  const py::gil_scoped_acquire gil;
  const py::object batch = neededMethod(this, "next_batch")();
  if (batch.is_none()) return false;
  if (!py::hasattr(batch, "items"))
    throw Error(
        ErrorCode::InvalidArgument,
        "a calibrator's next_batch() gives a mapping from names of inputs to arrays, or None at the end");
  for (const py::handle item : batch.attr("items")()) {
    const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
    inputs[name] = tensorOf(value, "next_batch(): input '" + name + "'");
  }
  return true;
}

std::string PythonCalibrator::lastBatch() const {
  const py::gil_scoped_acquire gil;
  const py::function method = methodOf(this, "last_batch");
  return method ? result<std::string>(method(), "last_batch", "a string") : Calibrator::lastBatch();
}

int PythonCalibrator::batchCount() const {
  const py::gil_scoped_acquire gil;
  const py::function method = methodOf(this, "batch_count");
  return method ? result<int>(method(), "batch_count", "a whole number") : Calibrator::batchCount();
}

std::string PythonCalibrator::readCache() {
  const py::gil_scoped_acquire gil;
  const py::function method = methodOf(this, "read_cache");
  if (!method) return Calibrator::readCache();
  const py::object cache = method();
  return cache.is_none() ? std::string()
                         : result<std::string>(cache, "read_cache", "the cache's text or bytes, or None");
}

void PythonCalibrator::writeCache(const std::string& text) {
  const py::gil_scoped_acquire gil;
  if (const py::function method = methodOf(this, "write_cache")) method(text);
}

}  // namespace tessera::python
