// How much kernels are searched for, and what came of it.
#include "tessera/tuning.hpp"

#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "python/src/fields.hpp"
#include "python/src/options.hpp"

namespace tessera::python {
namespace {

namespace fs = std::filesystem;

void bindReports(py::module_& module) {
  Fields<TuneProgress>(module, "TuneProgress")
      .field("layer", &TuneProgress::layer)
      .field("elapsed", &TuneProgress::elapsed)
      .field("budget", &TuneProgress::budget)
      .field("fraction", &TuneProgress::fraction)
      .field("candidates", &TuneProgress::candidates)
      .field("untuned", &TuneProgress::untuned)
      .field("best", &TuneProgress::best);
  Fields<NetworkCheck>(module, "NetworkCheck")
      .field("done", &NetworkCheck::done)
      .field("right", &NetworkCheck::right)
      .field("outputs", &NetworkCheck::outputs)
      .field("values", &NetworkCheck::values)
      .field("kernels", &NetworkCheck::kernels)
      .field("difference", &NetworkCheck::difference)
      .field("wrong", &NetworkCheck::wrong);
  Fields<LimitedLayer>(module, "LimitedLayer")
      .field("layer", &LimitedLayer::layer)
      .field("wanted", &LimitedLayer::wanted)
      .field("workspace", &LimitedLayer::workspace)
      .field("taken", &LimitedLayer::taken)
      .field("wanted_milliseconds", &LimitedLayer::wantedMilliseconds)
      .field("taken_milliseconds", &LimitedLayer::takenMilliseconds);
  Fields<TuneReport>(module, "TuneReport")
      .field("problems", &TuneReport::problems)
      .field("planned", &TuneReport::planned)
      .field("exact", &TuneReport::exact)
      .field("stale", &TuneReport::stale)
      .field("defaults", &TuneReport::defaults)
      .field("fallback", &TuneReport::fallback)
      .field("candidates", &TuneReport::candidates)
      .field("bad", &TuneReport::bad)
      .field("seconds", &TuneReport::seconds)
      .field("check", &TuneReport::check)
      .field("limited", &TuneReport::limited);
}

TuneOptions makeTuneOptions(const std::string& mode, double seconds, std::optional<fs::path> folder,
                            fs::path shipped, std::function<void(const TuneProgress&)> progress,
                            std::vector<std::string> worker, bool verify, double patience,
                            std::optional<std::size_t> workspaceLimit) {
  TuneOptions options;
  options.mode = parseTuneMode(mode);
  options.seconds = seconds;
  options.folder = std::move(folder);
  options.shipped = std::move(shipped);
  options.progress = std::move(progress);
  options.worker = std::move(worker);
  options.verify = verify;
  options.patience = patience;
  options.workspaceLimit = workspaceLimit;
  return options;
}

}  // namespace

void checkSignals() {
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// A thread that searches in the background must not wait for Python, which may be waiting for it.
TuneOptions interruptible(TuneOptions options) {
  if (options.mode == TuneMode::Background) {
    options.progress = nullptr;
    return options;
  }
  options.progress = [given = std::move(options.progress)](const TuneProgress& progress) {
    checkSignals();
    if (given) given(progress);
  };
  return options;
}

void bindTuning(py::module_& module) {
  bindReports(module);
  const TuneOptions defaults;
  py::class_<TuneOptions>(module, "TuneOptions", doc("TuneOptions"))
      .def(py::init(&makeTuneOptions), py::arg("mode") = std::string(toString(defaults.mode)), py::kw_only(),
           py::arg("seconds") = defaults.seconds, py::arg("folder") = py::none(), py::arg("shipped") = "",
           py::arg("progress") = py::none(), py::arg("worker") = py::tuple(),
           py::arg("verify") = defaults.verify, py::arg("patience") = defaults.patience,
           py::arg("workspace_limit") = py::none(), doc("TuneOptions.__init__"))
      .def_property(
          "mode", [](const TuneOptions& o) { return toString(o.mode); },
          [](TuneOptions& o, const std::string& mode) { o.mode = parseTuneMode(mode); },
          doc("TuneOptions.mode"))
      .def_readwrite("seconds", &TuneOptions::seconds, doc("TuneOptions.seconds"))
      .def_property(
          "folder",
          [](const TuneOptions& o) { return o.folder ? std::optional(o.folder->string()) : std::nullopt; },
          [](TuneOptions& o, std::optional<fs::path> folder) { o.folder = std::move(folder); },
          doc("TuneOptions.folder"))
      .def_property(
          "shipped", [](const TuneOptions& o) { return o.shipped.string(); },
          [](TuneOptions& o, fs::path file) { o.shipped = std::move(file); }, doc("TuneOptions.shipped"))
      .def_readwrite("progress", &TuneOptions::progress, doc("TuneOptions.progress"))
      .def_readwrite("worker", &TuneOptions::worker, doc("TuneOptions.worker"))
      .def_readwrite("verify", &TuneOptions::verify, doc("TuneOptions.verify"))
      .def_readwrite("patience", &TuneOptions::patience, doc("TuneOptions.patience"))
      .def_readwrite("workspace_limit", &TuneOptions::workspaceLimit, doc("TuneOptions.workspace_limit"));
  module.def("_lean_worker", &leanWorker);
  module.def("run_tune_worker", &runTuneWorker, py::call_guard<py::gil_scoped_release>(),
             doc("run_tune_worker"));
}

}  // namespace tessera::python
