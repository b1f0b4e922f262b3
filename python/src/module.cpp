// The extension module tessera._core: everything in it is re-exported by tessera/__init__.py.
#include "python/src/module.hpp"

PYBIND11_MODULE(_core, module) {
  using namespace tessera::python;
  module.doc() = doc("");
  module.attr("__version__") = TESSERA_VERSION;
  bindErrors();
  bindLog(module);
  bindDevice(module);
  bindGraph(module);
  bindBuilder(module);
  bindImporters(module);
  bindTuning(module);
  bindCalibrations(module);
  bindEngineOptions(module);
  bindEngine(module);
  bindContext(module);
  bindProfile(module);
  bindEnginePool(module);
  bindCalibrating(module);
  bindImages(module);
#ifdef TESSERA_HAS_IMAGES
  bindImageStream(module);
#endif
  bindSegmentation(module);
  bindDetection(module);
  bindRunner(module);
  bindDescription(module);
  for (const auto& [name, value] : module.attr("__dict__").cast<py::dict>())
    if (PyType_Check(value.ptr())) value.attr("__module__") = "tessera";
}
