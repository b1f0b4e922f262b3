/// \file
/// numpy arrays as tensors, and tensors as numpy arrays.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tessera/context.hpp"

namespace tessera::python {

namespace py = pybind11;

py::dtype dtypeOf(DataType type);
/// Throws Error(InvalidArgument) that begins with `what` and lists the types there are.
DataType dataTypeOf(const py::dtype& dtype, const std::string& what);
/// Of anything that numpy makes a dtype of: "float32", numpy.float32.
DataType dataTypeOf(const py::object& dtypeLike);

py::tuple tupleOf(const Shape& shape);

/// An array in C order, or what numpy makes one of: DLPack and sequences included. Throws
/// Error(InvalidArgument) that begins with `what`.
py::array arrayOf(py::handle value, const std::string& what);
/// Bytes of an array of a tensor's type. (py::array::nbytes() of pybind11 before 2.12 is 0 with numpy 2,
/// which moved the field that it reads.)
std::size_t byteCount(const py::array& array);
/// An array that owns the tensor's memory.
py::array arrayOf(HostTensor&& tensor);
/// An array over memory that `owner` keeps.
py::array arrayOver(const void* data, DataType type, const Shape& shape, py::handle owner);

/// A copy of an array.
HostTensor tensorOf(py::handle value, const std::string& what);

/// An array for a binding of the network: in C order, of the binding's type and shape. Throws
/// Error(InvalidArgument) that names the binding where it has others.
struct BoundArray {
  std::string name;  ///< of the binding
  py::array array;   ///< keeps the memory that is read
  std::span<const std::byte>
      elements;  ///< that memory, for where the GIL is not held: asking an array needs it

  BoundArray(const Binding& binding, py::handle value);
};
/// One for each input of the network, of a mapping from names to arrays. Throws as above, and where an input
/// is missing.
std::vector<BoundArray> inputsOf(const py::object& mapping, const std::vector<Binding>& bindings);

/// One of `bindings`. Throws Error(InvalidArgument) that lists the names.
const Binding& bindingOf(const std::vector<Binding>& bindings, const std::string& name);

/// A dictionary of arrays that own the tensors' memory.
py::dict dictOf(TensorMap&& tensors);

}  // namespace tessera::python
