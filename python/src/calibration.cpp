// Calibrating for INT8, and what it finds.
#include "tessera/calibration.hpp"

#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "python/src/arrays.hpp"
#include "python/src/calibrator.hpp"
#include "python/src/fields.hpp"
#include "python/src/options.hpp"
#include "tessera/calibration_cache.hpp"
#include "tessera/exporter.hpp"

namespace tessera::python {
namespace {

using Texts = std::vector<std::string>;
using StageProgress = std::function<void(std::string_view, int, int)>;

CalibrationOptions makeCalibrationOptions(const std::string& method, double percentile, bool biasCorrection,
                                          double fp32Share, double fp16Share, const Texts& passesOff,
                                          const Texts& keepFp32, bool keepFirstLast, StageProgress progress,
                                          Texts worker) {
  CalibrationOptions options;
  options.method = parseCalibrationMethod(method);
  options.percentile = percentile;
  options.biasCorrection = biasCorrection;
  options.fp32Share = fp32Share;
  options.fp16Share = fp16Share;
  options.passes.disabled = {passesOff.begin(), passesOff.end()};
  options.layerPrecision = {{keepFp32.begin(), keepFp32.end()}, keepFirstLast};
  options.progress = std::move(progress);
  options.worker = std::move(worker);
  return options;
}

CalibrationOptions withSignals(const std::optional<CalibrationOptions>& given) {
  CalibrationOptions options = given.value_or(CalibrationOptions());
  options.progress = [wanted = options.progress](std::string_view stage, int done, int total) {
    checkSignals();
    if (wanted) wanted(stage, done, total);
  };
  return options;
}

CalibrationResult calibrateOn(const Graph& graph, const py::object& device, Calibrator& calibrator,
                              const std::optional<CalibrationOptions>& given) {
  const Device on = deviceOf(device);
  const CalibrationOptions options = withSignals(given);
  return withoutGil([&] { return calibrate(graph, on, calibrator, options); });
}

std::vector<LayerSensitivity> rankLayersOn(const Graph& graph, const py::object& device, Calibrator& data,
                                           const Calibration& calibration, int batches,
                                           const std::optional<CalibrationOptions>& given) {
  const Device on = deviceOf(device);
  const CalibrationOptions options = withSignals(given);
  return withoutGil([&] { return rankLayers(graph, on, data, calibration, batches, options); });
}

void exportTo(const Graph& graph, const Calibration& calibration, const std::filesystem::path& file,
              const Texts& keepFp32, bool keepFirstLast, const Texts& passesOff) {
  const PrecisionOptions options{{keepFp32.begin(), keepFp32.end()}, keepFirstLast};
  const PassOptions passes{{passesOff.begin(), passesOff.end()}};
  withoutGil([&] { exportQdq(graph, calibration, file, options, passes); });
}

void exportPlain(const Graph& graph, const std::filesystem::path& file) {
  withoutGil([&] { exportOnnx(graph, file); });
}

void bindScales(py::module_& module) {
  py::class_<Calibration> calibration(module, "Calibration", doc("Calibration"));
  const auto field = [&](const char* name, auto member) {
    calibration.def_readwrite(name, member, doc((std::string("Calibration.") + name).c_str()));
  };
  field("graph_name", &Calibration::graphName);
  field("graph_hash", &Calibration::graphHash);
  field("method", &Calibration::method);
  field("scales", &Calibration::scales);
  field("least", &Calibration::least);
  field("channel_peaks", &Calibration::channelPeaks);
  field("float_tensors", &Calibration::floatTensors);
  field("float_layers", &Calibration::floatLayers);
  field("half_layers", &Calibration::halfLayers);
  field("partial", &Calibration::partial);
  field("bias_correction", &Calibration::biasCorrection);
  field("weight_scales", &Calibration::weightScales);
  field("weight_steps", &Calibration::weightSteps);
  calibration.def(py::init<>(), doc("Calibration.__init__"))
      .def_static("parse", &parseAnyCalibration, py::arg("text"), py::arg("source") = "the calibration cache",
                  doc("Calibration.parse"))
      .def("text", &calibrationText, doc("Calibration.text"))
      .def("tensorrt_text", &tensorrtCacheText, doc("Calibration.tensorrt_text"))
      .def("__repr__", [](const Calibration& c) {
        return "<tessera.Calibration of " + c.graphName + ", " + std::to_string(c.scales.size()) + " scales>";
      });
}

void bindCalibrator(py::module_& module) {
  py::class_<Calibrator, PythonCalibrator, std::shared_ptr<Calibrator>>(module, "Calibrator",
                                                                        doc("Calibrator"))
      .def(py::init<>(), doc("Calibrator.__init__"))
      .def("batch_size", &Calibrator::batchSize, doc("Calibrator.batch_size"))
      .def(
          "next_batch",
          [](Calibrator& c) {
            TensorMap inputs;
            const bool more = withoutGil([&] { return c.nextBatch(inputs); });
            return more ? std::optional(dictOf(std::move(inputs))) : std::nullopt;
          },
          doc("Calibrator.next_batch"))
      .def("last_batch", &Calibrator::lastBatch, doc("Calibrator.last_batch"))
      .def("batch_count", &Calibrator::batchCount, doc("Calibrator.batch_count"))
      .def("read_cache", &Calibrator::readCache, doc("Calibrator.read_cache"))
      .def("write_cache", &Calibrator::writeCache, py::arg("text"), doc("Calibrator.write_cache"));
}

void bindCalibrationOptions(py::module_& module) {
  const CalibrationOptions defaults;
  py::class_<CalibrationOptions>(module, "CalibrationOptions", doc("CalibrationOptions"))
      .def(py::init(&makeCalibrationOptions), py::arg("method") = std::string(toString(defaults.method)),
           py::kw_only(), py::arg("percentile") = defaults.percentile,
           py::arg("bias_correction") = defaults.biasCorrection, py::arg("fp32_share") = defaults.fp32Share,
           py::arg("fp16_share") = defaults.fp16Share, py::arg("passes_off") = py::tuple(),
           py::arg("keep_fp32") = py::tuple(), py::arg("keep_first_last") = false,
           py::arg("progress") = py::none(), py::arg("worker") = py::tuple(),
           doc("CalibrationOptions.__init__"));
}

void bindCalibrationResults(py::module_& module) {
  Fields<CalibrationDamage>(module, "CalibrationDamage")
      .field("error", &CalibrationDamage::error)
      .field("changed", &CalibrationDamage::changed);
  Fields<Fp16Choice>(module, "Fp16Choice")
      .field("layers", &Fp16Choice::layers)
      .field("share", &Fp16Choice::share)
      .field("milliseconds", &Fp16Choice::milliseconds)
      .field("damage", &Fp16Choice::damage)
      .field("worst", &Fp16Choice::worst);
  Fields<CalibrationResult>(module, "CalibrationResult")
      .field("calibration", &CalibrationResult::calibration)
      .field("from_cache", &CalibrationResult::fromCache)
      .field("batches", &CalibrationResult::batches)
      .field("damage", &CalibrationResult::damage)
      .field("chosen", &CalibrationResult::chosen)
      .field("frontier", &CalibrationResult::frontier)
      .field("harmful", &CalibrationResult::harmful);
  Fields<LayerSensitivity>(module, "LayerSensitivity")
      .field("layer", &LayerSensitivity::layer)
      .field("op", &LayerSensitivity::op)
      .field("multiply_adds", &LayerSensitivity::multiplyAdds)
      .field("damage", &LayerSensitivity::damage);
}

}  // namespace

void bindCalibrations(py::module_& module) { bindScales(module); }

void bindCalibrating(py::module_& module) {
  bindCalibrator(module);
  bindCalibrationOptions(module);
  bindCalibrationResults(module);
  module.def("calibrate", &calibrateOn, py::arg("graph"), py::arg("device"), py::arg("calibrator"),
             py::arg("options") = py::none(), doc("calibrate"));
  module.def("tensors_to_calibrate", &tensorsToCalibrate, py::arg("graph"), doc("tensors_to_calibrate"));
  module.def("tensors_with_channel_scales", &tensorsWithChannelScales, py::arg("graph"),
             doc("tensors_with_channel_scales"));
  module.def("rank_layers", &rankLayersOn, py::arg("graph"), py::arg("device"), py::arg("data"),
             py::arg("calibration"), py::arg("batches") = 3, py::arg("options") = py::none(),
             doc("rank_layers"));
  module.def("export_onnx", &exportPlain, py::arg("graph"), py::arg("file"), doc("export_onnx"));
  module.def("export_qdq", &exportTo, py::arg("graph"), py::arg("calibration"), py::arg("file"),
             py::kw_only(), py::arg("keep_fp32") = py::tuple(), py::arg("keep_first_last") = false,
             py::arg("passes_off") = py::tuple(), doc("export_qdq"));
}

}  // namespace tessera::python
