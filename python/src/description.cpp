// What a file beside a model, or a plan, says of its images and outputs.
#include "tessera/description.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "python/src/fields.hpp"

namespace tessera::python {
namespace {

namespace fs = std::filesystem;

py::object labelsObject(const NetworkDescription& d) {
  if (d.labels.empty()) return py::none();
  return py::module_::import("json").attr("loads")(d.labels);
}

}  // namespace

void bindDescription(py::module_& module) {
  Fields<NetworkDescription> described(module, "NetworkDescription");
  described.field("file", &NetworkDescription::file)
      .field("task", &NetworkDescription::task)
      .field("preset", &NetworkDescription::preset)
      .field("input", &NetworkDescription::input)
      .field("output", &NetworkDescription::output)
      .field("preprocess", &NetworkDescription::preprocess)
      .field("threshold", &NetworkDescription::threshold)
      .field("classes", &NetworkDescription::classes)
      .computed("labels", &labelsObject)
      .field("preset_labels", &NetworkDescription::presetLabels)
      .computed("layout", [](const NetworkDescription& d) { return toString(d.layout); })
      .computed("scores", [](const NetworkDescription& d) { return toString(d.scores); })
      .field("detection", &NetworkDescription::detection);
  described.type()
      .def_static("parse", &NetworkDescription::parse, py::arg("json"), py::arg("file") = fs::path(),
                  py::arg("preset") = "", doc("NetworkDescription.parse"))
      .def_static("read", &NetworkDescription::read, py::arg("file"), py::arg("preset") = "",
                  doc("NetworkDescription.read"))
      .def_static("of_preset", &NetworkDescription::ofPreset, py::arg("preset"),
                  doc("NetworkDescription.of_preset"))
      .def("runner_options", &NetworkDescription::runnerOptions, doc("NetworkDescription.runner_options"))
      .def("segmentation_options", &NetworkDescription::segmentationOptions,
           doc("NetworkDescription.segmentation_options"));
  module.def(
      "find_description", [](const fs::path& model) { return findDescription(model.string()); },
      py::arg("model"), doc("find_description"));
}

}  // namespace tessera::python
