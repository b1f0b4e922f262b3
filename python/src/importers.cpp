// Importing models.
#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "python/src/arrays.hpp"
#include "python/src/module.hpp"
#include "tessera/importer.hpp"
#include "tessera/plugin.hpp"

namespace tessera::python {
namespace {

namespace fs = std::filesystem;
using Shapes = std::map<std::string, Shape>;

// A number of Python as ImportOptions::constantNumbers has it.
std::string numberText(py::handle value) {
  return PyBool_Check(value.ptr()) ? (value.cast<bool>() ? "true" : "false")
                                   : py::str(value).cast<std::string>();
}

/// Binds an importer of `arguments` files with the options all have.
template <class Import, class... Arguments>
void define(py::module_& module, const char* name, Import import, Arguments... arguments) {
  const ImportOptions defaults;
  module.def(name, import, arguments..., py::kw_only(), py::arg("batch") = defaults.batch,
             py::arg("input_shapes") = py::dict(), py::arg("open_shape") = py::none(),
             py::arg("constants") = py::dict(), py::arg("max_constant_bytes") = defaults.maxConstantBytes,
             py::arg("max_folded_work") = defaults.maxFoldedWork, py::arg("max_layers") = defaults.maxLayers,
             py::arg("decode_ends") = defaults.decodeEnds, doc(name));
}

ImportOptions optionsOf(int batch, Shapes shapes, OpenShape openShape, const py::object& constants,
                        std::uint64_t maxConstantBytes, std::uint64_t maxFoldedWork, std::int64_t maxLayers,
                        bool decodeEnds) {
  ImportOptions options;
  options.batch = batch;
  options.inputShapes = std::move(shapes);
  options.openShape = std::move(openShape);
  for (const py::handle item : constants.attr("items")()) {
    const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
    if (PyLong_Check(value.ptr()) || PyFloat_Check(value.ptr()))
      options.constantNumbers[name] = numberText(value);
    else
      options.constants[name] = tensorOf(value, "constant '" + name + "'");
  }
  options.maxConstantBytes = maxConstantBytes;
  options.maxFoldedWork = maxFoldedWork;
  options.maxLayers = maxLayers;
  options.decodeEnds = decodeEnds;
  return options;
}

}  // namespace

void bindImporters(py::module_& module) {
  define(
      module, "import_model",
      [](const fs::path& model, int batch, Shapes shapes, OpenShape open, const py::object& constants,
         std::uint64_t bytes, std::uint64_t work, std::int64_t layers, bool decode) {
        const auto options =
            optionsOf(batch, std::move(shapes), std::move(open), constants, bytes, work, layers, decode);
        return withoutGil([&] { return importModel(model.string(), options); });
      },
      py::arg("model"));
  define(
      module, "import_onnx",
      [](const fs::path& file, int batch, Shapes shapes, OpenShape open, const py::object& constants,
         std::uint64_t bytes, std::uint64_t work, std::int64_t layers, bool decode) {
        const auto options =
            optionsOf(batch, std::move(shapes), std::move(open), constants, bytes, work, layers, decode);
        return withoutGil([&] { return importOnnx(file, options); });
      },
      py::arg("file"));
  define(
      module, "import_caffe",
      [](const fs::path& prototxt, const fs::path& caffemodel, int batch, Shapes shapes, OpenShape open,
         const py::object& constants, std::uint64_t bytes, std::uint64_t work, std::int64_t layers,
         bool decode) {
        const auto options =
            optionsOf(batch, std::move(shapes), std::move(open), constants, bytes, work, layers, decode);
        return withoutGil([&] { return importCaffe(prototxt, caffemodel, options); });
      },
      py::arg("prototxt"), py::arg("caffemodel"));
  module.def(
      "load_plugins", [](const fs::path& file) { return withoutGil([&] { return loadPlugins(file); }); },
      py::arg("file"), doc("load_plugins"));
}

}  // namespace tessera::python
