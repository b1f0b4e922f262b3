// Devices.
#include "tessera/device.hpp"

#include <pybind11/stl.h>

#include "python/src/fields.hpp"

namespace tessera::python {
namespace {

void bindCaps(py::module_& module) {
  Fields<DeviceCaps> caps(module, "DeviceCaps");
  caps.field("platform", &DeviceCaps::platform)
      .field("name", &DeviceCaps::name)
      .field("vendor", &DeviceCaps::vendor)
      .field("driver", &DeviceCaps::driver)
      .field("version", &DeviceCaps::version)
      .field("compute_units", &DeviceCaps::computeUnits)
      .field("max_work_group", &DeviceCaps::maxWorkGroup)
      .field("local_memory", &DeviceCaps::localMemory)
      .field("global_memory", &DeviceCaps::globalMemory)
      .field("max_allocation", &DeviceCaps::maxAllocation)
      .field("address_align", &DeviceCaps::addressAlign)
      .field("sub_buffers", &DeviceCaps::subBuffers)
      .field("parallel_builds", &DeviceCaps::parallelBuilds)
      .field("fences", &DeviceCaps::fences)
      .field("fp64", &DeviceCaps::fp64)
      .field("fp16", &DeviceCaps::fp16)
      .field("pocl", &DeviceCaps::pocl)
      .field("nvidia", &DeviceCaps::nvidia)
      .field("nvidia_compute_capability", &DeviceCaps::nvidiaComputeCapability)
      .field("avx512", &DeviceCaps::avx512)
      .field("integer_dot_product", &DeviceCaps::integerDotProduct)
      .field("vector_float", &DeviceCaps::vectorFloat)
      .field("avx512_vnni", &DeviceCaps::avx512Vnni)
      .field("amx_int8", &DeviceCaps::amxInt8)
      .computed("kind", [](const DeviceCaps& c) { return toString(c.kind); })
      .computed("max_work_item",
                [](const DeviceCaps& c) {
                  return py::make_tuple(c.maxWorkItem[0], c.maxWorkItem[1], c.maxWorkItem[2]);
                })
      .computed("dot4", [](const DeviceCaps& c) { return toString(c.dot4); })
      .computed("is_cpu", &DeviceCaps::isCpu);
  caps.type()
      .def("fingerprint", &DeviceCaps::fingerprint, doc("DeviceCaps.fingerprint"))
      .def("classes", &DeviceCaps::classes, doc("DeviceCaps.classes"))
      .def("__repr__", [](const DeviceCaps& c) { return "<tessera.DeviceCaps of " + c.name + ">"; });
}

}  // namespace

void bindDevice(py::module_& module) {
  bindCaps(module);
  using Probe = Device::Dot4Probe;
  Fields<Probe>(module, "Dot4Probe")
      .computed("body", [](const Probe& p) { return toString(p.body); })
      .field("works", &Probe::works)
      .field("gops", &Probe::gops)
      .field("why", &Probe::why);
  const py::call_guard<py::gil_scoped_release> free;
  py::class_<Device>(module, "Device", doc("Device"))
      .def_static("all", &Device::all, free, doc("Device.all"))
      .def_static(
          "select", [](const std::string& selector) { return Device::select(selector); },
          py::arg("selector") = "", free, doc("Device.select"))
      .def_property_readonly("caps", &Device::caps, doc("Device.caps"))
      .def("int8_caps", &Device::int8Caps, free, doc("Device.int8_caps"))
      .def("dot4_probes", &Device::dot4Probes, free, doc("Device.dot4_probes"))
      .def("__repr__", [](const Device& d) {
        return "<tessera.Device " + d.caps().name + ", " + d.caps().platform + ">";
      });
}

}  // namespace tessera::python
