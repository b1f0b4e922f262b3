// Values known at import: constants, and what follows from shapes alone.
#include <cmath>

#include "importers/onnx/node.hpp"
#include "importers/onnx/tensor_value.hpp"

namespace tessera::onnx {
namespace {

void constant(Node& node) {
  HostTensor value;
  if (node.hasAttribute("value")) {
    value = node.tensor("value");
  } else if (node.hasAttribute("value_float")) {
    value = HostTensor::scalar(static_cast<float>(node.number("value_float", 0)));
  } else if (node.hasAttribute("value_int")) {
    value = HostTensor::of<std::int64_t>({}, {node.integer("value_int")});
  } else if (node.hasAttribute("value_floats")) {
    const auto numbers = node.numbers("value_floats");
    value =
        HostTensor::of<float>({static_cast<std::int64_t>(numbers.size())}, {numbers.begin(), numbers.end()});
  } else if (node.hasAttribute("value_ints")) {
    const auto numbers = node.integers("value_ints");
    value = HostTensor::of<std::int64_t>({static_cast<std::int64_t>(numbers.size())}, numbers);
  } else if (node.hasAttribute("sparse_value")) {
    node.unsupported("its value is a sparse tensor");
  } else if (node.hasAttribute("value_string") || node.hasAttribute("value_strings")) {
    node.unsupported("its value is text");
  } else {
    node.bad("it has no value");
  }
  node.set(0, node.constantOf(std::move(value), "value"));
}

void constantOfShape(Node& node) {
  const Shape shape = node.constantInts(0, "shape");
  for (auto extent : shape)
    if (extent < 0) node.bad("its shape " + toString(shape) + " is impossible");
  const HostTensor value = node.hasAttribute("value") ? node.tensor("value") : HostTensor::scalar(0);
  if (value.size() != 1) node.bad("its value has to be a single number");
  HostTensor filled = node.allocate(value.type, shape);
  std::byte* cells = filled.data.data();
  const std::size_t whole = filled.data.size();
  if (whole > 0) std::copy(value.data.begin(), value.data.end(), cells);
  for (std::size_t done = value.data.size(); done < whole; done *= 2)  // what is filled already, once more
    std::copy_n(cells, std::min(done, whole - done), cells + done);
  node.set(0, node.constantOf(std::move(filled), "value"));
}

void range(Node& node) {
  const auto start = node.constantNumbers(0, "start"), limit = node.constantNumbers(1, "limit"),
             step = node.constantNumbers(2, "delta");
  if (start.size() != 1 || limit.size() != 1 || step.size() != 1 || step[0] == 0)
    node.bad("it wants three single numbers, the step not 0");
  const double cells = std::max(std::ceil((limit[0] - start[0]) / step[0]), 0.0);
  if (!(cells < 1e15)) node.bad("it has more values than any model needs");
  HostTensor values = node.allocate(node.typeOf(node.in(0)), {static_cast<std::int64_t>(cells)});
  for (std::int64_t i = 0; i < values.size(); ++i)
    values.setNumber(i, start[0] + static_cast<double>(i) * step[0]);
  node.set(0, node.constantOf(std::move(values), "range"));
}

void eyeLike(Node& node) {
  const Shape shape = node.shape(0);
  if (shape.size() != 2) node.bad("it wants a matrix");
  DataType type = node.typeOf(node.in(0));
  if (node.hasAttribute("dtype")) type = heldType(static_cast<int>(node.integer("dtype")));
  if (type == DataType::None) node.unsupported("Tessera has no type for elements of its dtype");
  HostTensor eye = node.allocate(type, shape);
  const std::int64_t k = node.integer("k", 0);
  for (std::int64_t row = 0; row < shape[0]; ++row)
    if (k < shape[1] && k > -shape[0] && row + k >= 0 && row + k < shape[1])
      eye.setNumber(row * shape[1] + row + k, 1);
  node.set(0, node.constantOf(std::move(eye), "eye"));
}

/// The number of its results depends on the values, so only constants have a shape.
void nonZero(Node& node) {
  const HostTensor& x = node.constant(0, "values");
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  std::int64_t count = 0, at = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) count += x.number(i) != 0;
  HostTensor out = node.allocate(DataType::Int64, {rank, count});
  auto cells = out.as<std::int64_t>();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (x.number(i) == 0) continue;
    std::int64_t rest = i;
    for (std::int64_t d = rank; d-- > 0;) {
      cells[static_cast<std::size_t>(d * count + at)] = rest % x.shape[static_cast<std::size_t>(d)];
      rest /= x.shape[static_cast<std::size_t>(d)];
    }
    ++at;
  }
  node.set(0, node.constantOf(std::move(out), "positions"));
}

}  // namespace

void addRows_constants(RowList& rows) {
  rows.push_back({"Constant", 1, kNewest, constant});
  rows.push_back({"ConstantOfShape", 9, kNewest, constantOfShape});
  rows.push_back({"Range", 11, kNewest, range});
  rows.push_back({"EyeLike", 9, kNewest, eyeLike});
  rows.push_back({"NonZero", 9, kNewest, nonZero});
}

}  // namespace tessera::onnx
