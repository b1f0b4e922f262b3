/// \file
/// The parts of the extension module, in the order they are bound: signatures name what came before.
#pragma once

#include <pybind11/pybind11.h>

#include "python/src/docs.hpp"

namespace tessera::python {

namespace py = pybind11;

void bindErrors();
void bindLog(py::module_& module);
void bindDevice(py::module_& module);
void bindGraph(py::module_& module);
void bindBuilder(py::module_& module);
void bindImporters(py::module_& module);
void bindTuning(py::module_& module);
void bindCalibrations(py::module_& module);
void bindEngineOptions(py::module_& module);
void bindEngine(py::module_& module);
void bindContext(py::module_& module);
void bindProfile(py::module_& module);
void bindEnginePool(py::module_& module);
void bindCalibrating(py::module_& module);
void bindImages(py::module_& module);
void bindImageStream(py::module_& module);  ///< where there is OpenCV
void bindSegmentation(py::module_& module);
void bindDetection(py::module_& module);
void bindRunner(py::module_& module);
void bindDescription(py::module_& module);

/// Runs `work` without the GIL, so that other threads of Python go on.
template <class Work>
auto withoutGil(const Work& work) {
  const py::gil_scoped_release release;
  return work();
}

}  // namespace tessera::python
