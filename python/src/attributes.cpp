// Attributes of layers as dictionaries.
#include "python/src/attributes.hpp"

#include <pybind11/stl.h>

#include "tessera/error.hpp"

namespace tessera::python {

namespace py = pybind11;
namespace {

bool isWhole(py::handle value) { return PyIndex_Check(value.ptr()) && !py::hasattr(value, "__len__"); }
bool isNumber(py::handle value) {
  return isWhole(value) || PyFloat_Check(value.ptr()) || py::hasattr(value, "__float__");
}

std::int64_t whole(py::handle value) {
  return py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr())).cast<std::int64_t>();
}

AttributeValue valueOf(py::handle value, const std::string& name) {
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::hasattr(value, "__len__") && !py::hasattr(value, "keys")) {
    std::vector<std::int64_t> integers;
    std::vector<double> numbers;
    for (const py::handle item : value) {
      if (!isNumber(item)) break;
      if (isWhole(item)) integers.push_back(whole(item));
      numbers.push_back(item.cast<double>());
    }
    if (numbers.size() == py::len(value)) {
      if (integers.size() == numbers.size()) return integers;
      return numbers;
    }
  } else if (isWhole(value)) {
    return whole(value);
  } else if (isNumber(value)) {
    return value.cast<double>();
  }
  throw Error(ErrorCode::InvalidArgument,
              "attribute '" + name + "' is neither a number, nor a string, nor a sequence of numbers: " +
                  py::repr(value).cast<std::string>());
}

}  // namespace

Attributes attributesOf(const py::object& mapping) {
  Attributes out;
  for (const py::handle item : mapping.attr("items")()) {
    const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
    out.set(name, valueOf(value, name));
  }
  return out;
}

py::dict dictOf(const Attributes& attributes) {
  py::dict out;
  for (const auto& [name, value] : attributes.all()) out[py::str(name)] = py::cast(value);
  return out;
}

}  // namespace tessera::python
