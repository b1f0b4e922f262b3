// How to build an engine.
#include <pybind11/functional.h>
#include <pybind11/operators.h>
#include <pybind11/stl.h>

#include "python/src/arrays.hpp"
#include "python/src/module.hpp"
#include "python/src/options.hpp"

namespace tessera::python {
namespace {

using Texts = std::vector<std::string>;
std::set<std::string> setOf(const Texts& names) { return {names.begin(), names.end()}; }
Texts listOf(const std::set<std::string>& names) { return {names.begin(), names.end()}; }

EngineOptions makeEngineOptions(const std::string& precision, std::optional<Calibration> calibration,
                                const Texts& keepFp32, bool keepFirstLast, const std::string& rest,
                                const std::string& choice, std::optional<TuneOptions> tuning,
                                const Texts& passesOff, std::string description, bool optimized,
                                ShapeProfile shapes, std::size_t memoryBudget,
                                std::shared_ptr<Engine> sharePrograms, bool deterministic,
                                const std::string& launches) {
  EngineOptions options;
  options.precision = parsePrecision(precision);
  options.calibration = std::move(calibration);
  options.layerPrecision = {setOf(keepFp32), keepFirstLast, parsePrecision(rest)};
  options.precisionChoice = parsePrecisionChoice(choice);
  if (tuning) options.tuning = *std::move(tuning);
  options.passes.disabled = setOf(passesOff);
  options.description = std::move(description);
  options.optimized = optimized;
  options.shapes = std::move(shapes);
  options.memoryBudget = memoryBudget;
  options.sharePrograms = std::move(sharePrograms);
  options.deterministic = deterministic;
  options.launches = parseLaunches(launches);
  return options;
}

void bindNames(py::class_<EngineOptions>& options) {
  options
      .def_property(
          "precision", [](const EngineOptions& o) { return toString(o.precision); },
          [](EngineOptions& o, const std::string& p) { o.precision = parsePrecision(p); },
          doc("EngineOptions.precision"))
      .def_property(
          "precision_choice", [](const EngineOptions& o) { return toString(o.precisionChoice); },
          [](EngineOptions& o, const std::string& c) { o.precisionChoice = parsePrecisionChoice(c); },
          doc("EngineOptions.precision_choice"))
      .def_property(
          "launches", [](const EngineOptions& o) { return toString(o.launches); },
          [](EngineOptions& o, const std::string& l) { o.launches = parseLaunches(l); },
          doc("EngineOptions.launches"))
      .def_property(
          "passes_off", [](const EngineOptions& o) { return listOf(o.passes.disabled); },
          [](EngineOptions& o, const Texts& names) { o.passes.disabled = setOf(names); },
          doc("EngineOptions.passes_off"))
      .def_property(
          "keep_fp32", [](const EngineOptions& o) { return listOf(o.layerPrecision.keepFp32); },
          [](EngineOptions& o, const Texts& names) { o.layerPrecision.keepFp32 = setOf(names); },
          doc("EngineOptions.keep_fp32"))
      .def_property(
          "keep_first_last", [](const EngineOptions& o) { return o.layerPrecision.keepFirstLast; },
          [](EngineOptions& o, bool keep) { o.layerPrecision.keepFirstLast = keep; },
          doc("EngineOptions.keep_first_last"))
      .def_property(
          "precision_rest", [](const EngineOptions& o) { return toString(o.layerPrecision.rest); },
          [](EngineOptions& o, const std::string& p) { o.layerPrecision.rest = parsePrecision(p); },
          doc("EngineOptions.precision_rest"));
}

}  // namespace

void bindEngineOptions(py::module_& module) {
  py::class_<ShapeRange>(module, "ShapeRange", doc("ShapeRange"))
      .def(py::init([](Shape min, Shape opt, Shape max) {
             return ShapeRange{std::move(min), std::move(opt), std::move(max)};
           }),
           py::arg("min"), py::arg("opt"), py::arg("max"), doc("ShapeRange.__init__"))
      .def_property_readonly(
          "min", [](const ShapeRange& r) { return tupleOf(r.min); }, doc("ShapeRange.min"))
      .def_property_readonly(
          "opt", [](const ShapeRange& r) { return tupleOf(r.opt); }, doc("ShapeRange.opt"))
      .def_property_readonly(
          "max", [](const ShapeRange& r) { return tupleOf(r.max); }, doc("ShapeRange.max"))
      .def("contains", &ShapeRange::contains, py::arg("shape"), doc("ShapeRange.contains"))
      .def(py::self == py::self);
  py::class_<EngineOptions> options(module, "EngineOptions", doc("EngineOptions"));
  bindNames(options);
  const EngineOptions defaults;
  options
      .def(py::init(&makeEngineOptions), py::arg("precision") = std::string(toString(defaults.precision)),
           py::kw_only(), py::arg("calibration") = py::none(), py::arg("keep_fp32") = py::tuple(),
           py::arg("keep_first_last") = false,
           py::arg("precision_rest") = std::string(toString(defaults.layerPrecision.rest)),
           py::arg("precision_choice") = std::string(toString(defaults.precisionChoice)),
           py::arg("tuning") = py::none(), py::arg("passes_off") = py::tuple(), py::arg("description") = "",
           py::arg("optimized") = false, py::arg("shapes") = py::dict(), py::arg("memory_budget") = 0,
           py::arg("share_programs") = py::none(), py::arg("deterministic") = defaults.deterministic,
           py::arg("launches") = std::string(toString(defaults.launches)), doc("EngineOptions.__init__"))
      .def_readwrite("calibration", &EngineOptions::calibration, doc("EngineOptions.calibration"))
      .def_readwrite("tuning", &EngineOptions::tuning, doc("EngineOptions.tuning"))
      .def_readwrite("description", &EngineOptions::description, doc("EngineOptions.description"))
      .def_readwrite("optimized", &EngineOptions::optimized, doc("EngineOptions.optimized"))
      .def_readwrite("deterministic", &EngineOptions::deterministic, doc("EngineOptions.deterministic"))
      .def_readwrite("shapes", &EngineOptions::shapes, doc("EngineOptions.shapes"))
      .def_readwrite("memory_budget", &EngineOptions::memoryBudget, doc("EngineOptions.memory_budget"))
      .def_property(
          "share_programs",
          [](const EngineOptions& o) { return std::const_pointer_cast<Engine>(o.sharePrograms); },
          [](EngineOptions& o, std::shared_ptr<Engine> engine) { o.sharePrograms = std::move(engine); },
          doc("EngineOptions.share_programs"));
}

}  // namespace tessera::python
