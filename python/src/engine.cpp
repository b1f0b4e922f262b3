// Engines: building, plans, and what is in them.
#include "tessera/engine.hpp"

#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "python/src/arrays.hpp"
#include "python/src/fields.hpp"
#include "python/src/options.hpp"
#include "tessera/plan.hpp"

namespace tessera::python {
namespace {

namespace fs = std::filesystem;
using EnginePointer = std::shared_ptr<Engine>;

EnginePointer build(const py::object& network, const py::object& device,
                    const std::optional<EngineOptions>& given) {
  const Device on = deviceOf(device);
  EngineOptions options = given.value_or(EngineOptions());
  options.tuning = interruptible(std::move(options.tuning));
  if (py::isinstance<Graph>(network)) {
    const Graph& graph = network.cast<const Graph&>();
    return withoutGil([&] { return std::const_pointer_cast<Engine>(Engine::build(graph, on, options)); });
  }
  // Called without the GIL by the library, in this thread.
  const GraphSource source = [&](const InputShapes& shapes) {
    const py::gil_scoped_acquire gil;
    py::dict asked;
    for (const auto& [name, shape] : shapes) asked[py::str(name)] = tupleOf(shape);
    return network(asked).cast<Graph>();
  };
  return withoutGil([&] { return std::const_pointer_cast<Engine>(Engine::build(source, on, options)); });
}

EnginePointer load(const fs::path& file, const py::object& device, const std::optional<TuneOptions>& given,
                   bool networkOnly) {
  const Device on = deviceOf(device);
  const TuneOptions tuning = interruptible(given.value_or(TuneOptions()));
  const PlanUse use = networkOnly ? PlanUse::Network : PlanUse::All;
  return withoutGil([&] { return std::const_pointer_cast<Engine>(loadPlan(file, on, tuning, use)); });
}

PlanReport check(const fs::path& file, const py::object& device) {
  const Device on = deviceOf(device);
  return withoutGil([&] { return checkPlan(file, on); });
}

void bindPlanReports(py::module_& module) {
  Fields<SelfCheck>(module, "SelfCheck")
      .field("outputs", &SelfCheck::outputs)
      .field("exact", &SelfCheck::exact)
      .field("difference", &SelfCheck::difference);
  Fields<PlanSection>(module, "PlanSection")
      .field("fingerprint", &PlanSection::fingerprint)
      .field("used", &PlanSection::used)
      .field("why", &PlanSection::why)
      .field("kernels", &PlanSection::kernels)
      .field("programs", &PlanSection::programs)
      .field("programs_used", &PlanSection::programsUsed)
      .field("packings", &PlanSection::packings)
      .field("packings_used", &PlanSection::packingsUsed)
      .field("dropped", &PlanSection::dropped);
  Fields<PlanReport>(module, "PlanReport")
      .field("name", &PlanReport::name)
      .computed("precision", [](const PlanReport& r) { return toString(r.precision); })
      .field("bytes", &PlanReport::bytes)
      .field("layers", &PlanReport::layers)
      .field("constants", &PlanReport::constants)
      .field("description", &PlanReport::description)
      .field("golden_outputs", &PlanReport::goldenOutputs)
      .field("golden_exact", &PlanReport::goldenExact)
      .field("sections", &PlanReport::sections)
      .computed("used", &PlanReport::used);
}

std::vector<Binding> bindingsThat(const Engine& engine, bool areInputs) {
  std::vector<Binding> out;
  for (const Binding& binding : engine.bindings())
    if (binding.isInput == areInputs) out.push_back(binding);
  return out;
}

void bindEngineParts(py::module_& module) {
  Fields<Binding> binding(module, "Binding");
  binding.field("name", &Binding::name)
      .computed("dtype", [](const Binding& b) { return dtypeOf(b.type); })
      .computed("shape", [](const Binding& b) { return tupleOf(b.shape); })
      .field("is_input", &Binding::isInput)
      .computed("nbytes", &Binding::bytes);
  binding.type().def("__repr__", [](const Binding& b) {
    return "<tessera.Binding " + b.name + " " + std::string(toString(b.type)) + ":" + toString(b.shape) +
           (b.isInput ? ", input>" : ", output>");
  });
  Fields<MemoryUse>(module, "MemoryUse")
      .field("weights", &MemoryUse::weights)
      .field("activations", &MemoryUse::activations)
      .field("bindings", &MemoryUse::bindings)
      .field("workspace", &MemoryUse::workspace);
  Fields<LayerInfo> layer(module, "LayerInfo");
  layer.field("name", &LayerInfo::name)
      .field("op", &LayerInfo::op)
      .field("family", &LayerInfo::family)
      .field("tactic", &LayerInfo::tactic)
      .field("precision", &LayerInfo::precision)
      .field("operations", &LayerInfo::operations)
      .field("bytes", &LayerInfo::bytes);
  layer.type().def("__repr__", [](const LayerInfo& l) {
    return "<tessera.LayerInfo " + l.name + ": " + l.op + " by " + l.family + ">";
  });
  Fields<LayerPrecision>(module, "LayerPrecision")
      .field("layer", &LayerPrecision::layer)
      .field("op", &LayerPrecision::op)
      .computed("precision", [](const LayerPrecision& l) { return toString(l.precision); })
      .field("reason", &LayerPrecision::reason)
      .field("multiply_adds", &LayerPrecision::multiplyAdds);
}

void bindProperties(py::class_<Engine, EnginePointer>& engine) {
  engine.def_property_readonly("name", &Engine::name, doc("Engine.name"))
      .def_property_readonly(
          "precision", [](const Engine& e) { return toString(e.precision()); }, doc("Engine.precision"))
      .def_property_readonly("description", &Engine::description, doc("Engine.description"))
      .def_property_readonly(
          "graph", [](const Engine& e) { return e.graph(); }, doc("Engine.graph"))
      .def_property_readonly(
          "bindings", [](const Engine& e) { return e.bindings(); }, doc("Engine.bindings"))
      .def_property_readonly(
          "inputs", [](const Engine& e) { return bindingsThat(e, true); }, doc("Engine.inputs"))
      .def_property_readonly(
          "outputs", [](const Engine& e) { return bindingsThat(e, false); }, doc("Engine.outputs"))
      .def_property_readonly(
          "device", [](const Engine& e) { return e.device(); }, doc("Engine.device"))
      .def_property_readonly("shapes", &Engine::shapes, doc("Engine.shapes"))
      .def_property_readonly("memory", &Engine::memory, doc("Engine.memory"))
      .def_property_readonly(
          "layers", [](const Engine& e) { return e.layers(); }, doc("Engine.layers"))
      .def_property_readonly(
          "precisions", [](const Engine& e) { return e.precisions(); }, doc("Engine.precisions"))
      .def_property_readonly("launches", &Engine::launches, doc("Engine.launches"))
      .def_property_readonly("tuning", &Engine::tuning, doc("Engine.tuning"))
      .def_property_readonly("tuning_done", &Engine::tuningDone, doc("Engine.tuning_done"))
      .def("wait_for_tuning", &Engine::waitForTuning, py::call_guard<py::gil_scoped_release>(),
           doc("Engine.wait_for_tuning"));
}

}  // namespace

Device deviceOf(const py::object& given) {
  if (!py::isinstance<py::str>(given)) return given.cast<Device>();
  const auto selector = given.cast<std::string>();
  return withoutGil([&] { return Device::select(selector); });
}

void bindEngine(py::module_& module) {
  bindEngineParts(module);
  bindPlanReports(module);
  py::class_<Engine, EnginePointer> engine(module, "Engine", doc("Engine"));
  bindProperties(engine);
  const py::call_guard<py::gil_scoped_release> free;
  engine
      .def_static("build", &build, py::arg("graph"), py::arg("device") = "", py::arg("options") = py::none(),
                  doc("Engine.build"))
      .def_static("load", &load, py::arg("file"), py::arg("device") = "", py::arg("tuning") = py::none(),
                  py::arg("network_only") = false, doc("Engine.load"))
      .def(
          "save",
          [](const Engine& e, const fs::path& file, bool programs, bool weights) {
            savePlan(e, file, {programs, weights});
          },
          py::arg("file"), py::kw_only(), py::arg("programs") = true, py::arg("weights") = true, free,
          doc("Engine.save"))
      .def(
          "append_to",
          [](const Engine& e, const fs::path& file, bool programs, bool weights) {
            appendToPlan(e, file, {programs, weights});
          },
          py::arg("file"), py::kw_only(), py::arg("programs") = true, py::arg("weights") = true, free,
          doc("Engine.append_to"))
      .def("self_check", &selfCheck, free, doc("Engine.self_check"))
      .def(
          "binding", [](const Engine& e, const std::string& name) { return e.binding(name); },
          py::arg("name"), doc("Engine.binding"))
      .def("text", &Engine::text, doc("Engine.text"))
      .def("__repr__", [](const Engine& e) {
        return "<tessera.Engine " + e.name() + ", " + std::string(toString(e.precision())) + ", on " +
               e.device().caps().name + ">";
      });
  module.def("check_plan", &check, py::arg("file"), py::arg("device") = "", doc("check_plan"));
  module.def("is_plan", &isPlan, py::arg("file"), free, doc("is_plan"));
}

}  // namespace tessera::python
