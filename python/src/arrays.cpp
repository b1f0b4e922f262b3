// numpy arrays as tensors, and tensors as numpy arrays.
#include "python/src/arrays.hpp"

#include <algorithm>
#include <memory>

namespace tessera::python {
namespace {

constexpr std::pair<DataType, const char*> kTypes[] = {
    {DataType::Float32, "float32"}, {DataType::Float16, "float16"}, {DataType::Int8, "int8"},
    {DataType::UInt8, "uint8"},     {DataType::Int32, "int32"},     {DataType::Int64, "int64"},
    {DataType::Bool, "bool"}};

// None where no tensor has such elements: float64, other byte orders, objects.
DataType typeOf(const py::dtype& dtype) {
  for (const auto& [type, name] : kTypes)
    if (dtype.equal(py::dtype(name))) return type;
  return DataType::None;
}

std::string text(const py::handle& object) { return py::str(object).cast<std::string>(); }

Shape shapeOf(const py::array& array) { return {array.shape(), array.shape() + array.ndim()}; }

std::span<const std::byte> bytesOf(const py::array& array) {
  return {static_cast<const std::byte*>(array.data()), byteCount(array)};
}

}  // namespace

py::dtype dtypeOf(DataType type) {
  for (const auto& [known, name] : kTypes)
    if (known == type) return py::dtype(name);
  throw Error(ErrorCode::Internal, "a tensor without a type has no dtype");
}

DataType dataTypeOf(const py::dtype& dtype, const std::string& what) {
  if (const DataType type = typeOf(dtype); type != DataType::None) return type;
  std::string known;
  for (const auto& [type, name] : kTypes) known += (known.empty() ? "" : ", ") + std::string(name);
  throw Error(ErrorCode::InvalidArgument,
              what + " is " + text(dtype) + "; tensors hold " + known + " (astype() converts an array)");
}

DataType dataTypeOf(const py::object& dtypeLike) {
  return dataTypeOf(py::dtype::from_args(dtypeLike), "the dtype");
}

py::tuple tupleOf(const Shape& shape) {
  py::tuple out(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) out[i] = shape[i];
  return out;
}

py::array arrayOf(py::handle value, const std::string& what) {
  py::object given = py::reinterpret_borrow<py::object>(value);
  if (!py::isinstance<py::array>(given) && !py::hasattr(given, "__array__") &&
      py::hasattr(given, "__dlpack__"))
    given = py::module_::import("numpy").attr("from_dlpack")(given);
  const py::array array = py::array::ensure(given, py::array::c_style);
  if (!array)
    throw Error(ErrorCode::InvalidArgument,
                what + " is no array: " + text(py::type::handle_of(value).attr("__name__")));
  return array;
}

std::size_t byteCount(const py::array& array) {
  return static_cast<std::size_t>(array.size()) * byteSize(typeOf(array.dtype()));
}

py::array arrayOf(HostTensor&& tensor) {
  auto kept = std::make_unique<HostTensor>(std::move(tensor));
  const HostTensor& t = *kept;
  const py::capsule owner(kept.get(), [](void* p) { delete static_cast<HostTensor*>(p); });
  kept.release();
  return arrayOver(t.data.data(), t.type, t.shape, owner);
}

py::array arrayOver(const void* data, DataType type, const Shape& shape, py::handle owner) {
  static const std::byte nothing{};  // numpy allocates where it is given no address
  // pybind11 would ask the dtype for the strides, which goes wrong as nbytes() does; see byteCount().
  std::vector<py::ssize_t> strides(shape.size());
  auto step = static_cast<py::ssize_t>(byteSize(type));
  for (std::size_t i = shape.size(); i-- > 0; step *= static_cast<py::ssize_t>(shape[i])) strides[i] = step;
  return {dtypeOf(type), std::vector<py::ssize_t>(shape.begin(), shape.end()), std::move(strides),
          data ? data : &nothing, owner};
}

HostTensor tensorOf(py::handle value, const std::string& what) {
  const py::array array = arrayOf(value, what);
  HostTensor tensor(dataTypeOf(array.dtype(), what), shapeOf(array));
  std::ranges::copy(bytesOf(array), tensor.data.begin());
  return tensor;
}

BoundArray::BoundArray(const Binding& binding, py::handle value)
    : name(binding.name), array(arrayOf(value, "binding '" + binding.name + "'")), elements(bytesOf(array)) {
  const bool sameType = typeOf(array.dtype()) == binding.type;
  if (sameType && shapeOf(array) == binding.shape) return;
  throw Error(ErrorCode::InvalidArgument, "binding '" + name + "' wants " + text(dtypeOf(binding.type)) +
                                              " " + toString(binding.shape) + ", it was given " +
                                              text(array.dtype()) + " " + toString(shapeOf(array)) +
                                              (sameType ? "" : " (astype() converts an array)"));
}

const Binding& bindingOf(const std::vector<Binding>& bindings, const std::string& name) {
  std::string names;
  for (const Binding& binding : bindings) {
    if (binding.name == name) return binding;
    names += (names.empty() ? "'" : ", '") + binding.name + "'";
  }
  throw Error(ErrorCode::InvalidArgument, "there is no binding '" + name + "'; there are " + names);
}

std::vector<BoundArray> inputsOf(const py::object& mapping, const std::vector<Binding>& bindings) {
  if (!py::hasattr(mapping, "items"))
    throw Error(ErrorCode::InvalidArgument, "inputs are a mapping from names to arrays, not a " +
                                                text(py::type::handle_of(mapping).attr("__name__")));
  std::vector<BoundArray> out;
  for (const py::handle item : mapping.attr("items")()) {
    const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
    const Binding& binding = bindingOf(bindings, name);
    if (!binding.isInput)
      throw Error(ErrorCode::InvalidArgument, "'" + name + "' is an output of the network, not an input");
    out.emplace_back(binding, value);
  }
  for (const Binding& binding : bindings) {
    const auto given = [&](const BoundArray& array) { return array.name == binding.name; };
    if (binding.isInput && std::ranges::none_of(out, given))
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' was not given");
  }
  return out;
}

py::dict dictOf(TensorMap&& tensors) {
  py::dict out;
  for (auto& [name, tensor] : tensors) out[py::str(name)] = arrayOf(std::move(tensor));
  return out;
}

}  // namespace tessera::python
