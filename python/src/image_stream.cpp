// Calibration data from image files.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "calib/images/image_batch_stream.hpp"
#include "python/src/module.hpp"

namespace tessera::python {
namespace {

namespace fs = std::filesystem;

// Its end waits for a thread that may be about to log, for which it needs the GIL.
void deleteWithoutGil(ImageBatchStream* stream) {
  withoutGil([&] { delete stream; });
}

std::shared_ptr<ImageBatchStream> makeStream(std::vector<fs::path> files, std::string input,
                                             const ImagePreprocess& preprocess, int batchSize, int limit,
                                             unsigned seed, fs::path cacheFile) {
  ImageBatchOptions options{std::move(input), preprocess, batchSize, limit, seed, std::move(cacheFile)};
  return {new ImageBatchStream(std::move(files), std::move(options)), &deleteWithoutGil};
}

}  // namespace

void bindImageStream(py::module_& module) {
  const ImageBatchOptions defaults;
  py::class_<ImageBatchStream, Calibrator, std::shared_ptr<ImageBatchStream>>(module, "ImageBatchStream",
                                                                              doc("ImageBatchStream"))
      .def(py::init(&makeStream), py::arg("files"), py::kw_only(), py::arg("input"), py::arg("preprocess"),
           py::arg("batch_size") = defaults.batchSize, py::arg("limit") = defaults.limit,
           py::arg("seed") = defaults.seed, py::arg("cache_file") = "", doc("ImageBatchStream.__init__"));
  module.def(
      "calibration_images",
      [](const std::vector<fs::path>& paths) {
        std::vector<std::string> names;
        for (const fs::path& path : paths) names.push_back(path.string());
        return calibrationImages(names);
      },
      py::arg("paths"), py::call_guard<py::gil_scoped_release>(), doc("calibration_images"));
}

}  // namespace tessera::python
