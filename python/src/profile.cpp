// Where the time of a run goes, and where two engines of one network differ.
#include "tessera/profile.hpp"

#include <pybind11/stl.h>

#include "base/hex.hpp"
#include "python/src/fields.hpp"
#include "python/src/options.hpp"
#include "python/src/shared_context.hpp"
#include "tessera/compare.hpp"

namespace tessera::python {
namespace {

Comparison compare(const ContextPointer& a, const ContextPointer& b, const py::object& inputs,
                   double tolerance) {
  if (a == b)
    throw Error(ErrorCode::InvalidArgument,
                "comparing takes two contexts: one runs with the other's operands");
  TensorMap tensors;
  for (const BoundArray& input : inputsOf(inputs, a->bindings()))
    tensors[input.name] = tensorOf(input.array, "input '" + input.name + "'");
  CompareOptions options;
  options.tolerance = tolerance;
  return SharedContext::together(
      *a, *b, [&](Context& first, Context& second) { return compareRuns(first, second, tensors, options); });
}

std::string checksum(const py::object& value) {
  const py::array array = arrayOf(value, "what has a checksum");
  dataTypeOf(array.dtype(), "what has a checksum");  // no type that a tensor of the network can not have
  return hexText(textHash({static_cast<const char*>(array.data()), byteCount(array)}));
}

void bindComparison(py::module_& module) {
  Fields<TensorDifference>(module, "TensorDifference")
      .field("relative", &TensorDifference::relative)
      .field("largest", &TensorDifference::largest);
  Fields<LayerDifference>(module, "LayerDifference")
      .field("layer", &LayerDifference::layer)
      .field("tensor", &LayerDifference::tensor)
      .field("a", &LayerDifference::a)
      .field("b", &LayerDifference::b)
      .field("accumulated", &LayerDifference::accumulated)
      .field("isolated", &LayerDifference::isolated)
      .field("bad", &LayerDifference::bad);
  Fields<Comparison>(module, "Comparison")
      .field("layers", &Comparison::layers)
      .field("outputs", &Comparison::outputs)
      .field("first_bad", &Comparison::firstBad)
      .field("not_compared", &Comparison::notCompared);
  module.def("compare_runs", &compare, py::arg("a").none(false), py::arg("b").none(false), py::arg("inputs"),
             py::arg("tolerance") = CompareOptions().tolerance, doc("compare_runs"));
}

}  // namespace

void bindProfile(py::module_& module) {
  Fields<Ceiling>(module, "Ceiling")
      .field("gops", &Ceiling::gops)
      .field("gbps", &Ceiling::gbps)
      .field("by", &Ceiling::by);
  module.def("members_of", &membersOf, py::arg("source"), py::arg("optimized"), doc("members_of"));
  module.def(
      "measure_ceiling",
      [](const py::object& device, const std::string& precision) {
        const Device on = deviceOf(device);
        const Precision of = parsePrecision(precision);
        return withoutGil([&] { return measureCeiling(on, of); });
      },
      py::arg("device") = "", py::arg("precision") = std::string(toString(Precision::Fp32)),
      doc("measure_ceiling"));
  bindComparison(module);
  module.def("checksum", &checksum, py::arg("value"), doc("checksum"));
}

}  // namespace tessera::python
