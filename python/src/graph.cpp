// Layer graphs: definition and inspection.
#include "tessera/graph.hpp"

#include <pybind11/stl.h>

#include "python/src/arrays.hpp"
#include "python/src/attributes.hpp"
#include "python/src/module.hpp"
#include "tessera/passes.hpp"

namespace tessera::python {
namespace {

using Operands = std::vector<std::optional<TensorId>>;

std::vector<TensorId> idsOf(const Graph& graph, const Operands& operands, const std::string& layer) {
  std::vector<TensorId> ids;
  for (const auto& operand : operands) {
    if (operand && (*operand < 0 || *operand >= static_cast<TensorId>(graph.tensors().size())))
      throw Error(ErrorCode::InvalidArgument, "layer '" + layer + "' reads tensor " +
                                                  std::to_string(*operand) + "; the graph has " +
                                                  std::to_string(graph.tensors().size()));
    ids.push_back(operand.value_or(kNoTensor));
  }
  return ids;
}

TensorId known(const Graph& graph, TensorId id) {
  if (id < 0 || id >= static_cast<TensorId>(graph.tensors().size()))
    throw Error(ErrorCode::InvalidArgument, "the graph has " + std::to_string(graph.tensors().size()) +
                                                " tensors, and none of index " + std::to_string(id));
  return id;
}

Layer addLayer(Graph& graph, const std::string& op, const std::string& name, const Operands& inputs,
               const py::object& attrs, std::vector<std::string> outputs) {
  return graph.addLayer(op, name, idsOf(graph, inputs, name), attributesOf(attrs), std::move(outputs));
}

void bindGraphParts(py::module_& module) {
  py::class_<GraphTensor>(module, "GraphTensor", doc("GraphTensor"))
      .def_readonly("name", &GraphTensor::name, doc("GraphTensor.name"))
      .def_property_readonly(
          "dtype", [](const GraphTensor& t) { return dtypeOf(t.type); }, doc("GraphTensor.dtype"))
      .def_property_readonly(
          "shape", [](const GraphTensor& t) { return tupleOf(t.shape); }, doc("GraphTensor.shape"))
      .def_property_readonly(
          "constant",
          [](const GraphTensor& t) -> py::object {
            if (!t.constant) return py::none();
            return arrayOf(HostTensor(*t.constant));
          },
          doc("GraphTensor.constant"))
      .def("__repr__", [](const GraphTensor& t) {
        return "<tessera.GraphTensor " + t.name + " " + std::string(toString(t.type)) + ":" +
               toString(t.shape) + ">";
      });
  py::class_<Layer>(module, "Layer", doc("Layer"))
      .def_readonly("name", &Layer::name, doc("Layer.name"))
      .def_readonly("op", &Layer::op, doc("Layer.op"))
      .def_property_readonly(
          "attrs", [](const Layer& l) { return dictOf(l.attrs); }, doc("Layer.attrs"))
      .def_property_readonly(
          "inputs",
          [](const Layer& l) {
            Operands out;
            for (const TensorId id : l.inputs) out.push_back(id < 0 ? std::nullopt : std::optional(id));
            return out;
          },
          doc("Layer.inputs"))
      .def_readonly("outputs", &Layer::outputs, doc("Layer.outputs"))
      .def("__repr__", [](const Layer& l) { return "<tessera.Layer " + l.name + ": " + l.op + ">"; });
}

void bindDefinition(py::class_<Graph>& graph) {
  graph
      .def(py::init([](const std::string& name) {
             Graph made;
             made.name = name;
             return made;
           }),
           py::arg("name") = "", doc("Graph.__init__"))
      .def_readwrite("name", &Graph::name, doc("Graph.name"))
      .def(
          "add_input",
          [](Graph& g, const std::string& name, const Shape& shape, const py::object& dtype) {
            return g.addInput(name, dataTypeOf(dtype), shape);
          },
          py::arg("name"), py::arg("shape"), py::arg("dtype") = "float32", doc("Graph.add_input"))
      .def(
          "add_constant",
          [](Graph& g, const std::string& name, const py::object& value) {
            return g.addConstant(name, tensorOf(value, "constant '" + name + "'"));
          },
          py::arg("name"), py::arg("value"), doc("Graph.add_constant"))
      .def(
          "add",
          [](Graph& g, const std::string& op, const std::string& name, const Operands& inputs,
             const py::object& attrs, std::vector<std::string> outputs) {
            return addLayer(g, op, name, inputs, attrs, std::move(outputs)).outputs.at(0);
          },
          py::arg("op"), py::arg("name"), py::arg("inputs"), py::arg("attrs") = py::dict(),
          py::arg("output_names") = py::tuple(), doc("Graph.add"))
      .def("add_layer", &addLayer, py::arg("op"), py::arg("name"), py::arg("inputs"),
           py::arg("attrs") = py::dict(), py::arg("output_names") = py::tuple(), doc("Graph.add_layer"))
      .def(
          "mark_output", [](Graph& g, TensorId id) { g.markOutput(known(g, id)); }, py::arg("tensor"),
          doc("Graph.mark_output"))
      .def(
          "replace_uses",
          [](Graph& g, TensorId from, TensorId to) { g.replaceUses(known(g, from), known(g, to)); },
          py::arg("old"), py::arg("new"), doc("Graph.replace_uses"))
      .def("compact", &Graph::compact, doc("Graph.compact"));
}

void bindInspection(py::class_<Graph>& graph) {
  const auto copy = [](const Graph& g) { return Graph(g); };
  graph
      .def_property_readonly(
          "tensors", [](const Graph& g) { return g.tensors(); }, doc("Graph.tensors"))
      .def_property_readonly(
          "layers", [](const Graph& g) { return g.layers(); }, doc("Graph.layers"))
      .def_property_readonly(
          "inputs", [](const Graph& g) { return g.inputs(); }, doc("Graph.inputs"))
      .def_property_readonly(
          "outputs", [](const Graph& g) { return g.outputs(); }, doc("Graph.outputs"))
      .def(
          "tensor", [](const Graph& g, TensorId id) { return g.tensor(known(g, id)); }, py::arg("index"),
          doc("Graph.tensor"))
      .def(
          "find_tensor",
          [](const Graph& g, const std::string& name) {
            const TensorId id = g.findTensor(name);
            return id == kNoTensor ? std::nullopt : std::optional(id);
          },
          py::arg("name"), doc("Graph.find_tensor"))
      .def(
          "is_output", [](const Graph& g, TensorId id) { return g.isOutput(known(g, id)); },
          py::arg("tensor"), doc("Graph.is_output"))
      .def(
          "producer",
          [](const Graph& g, TensorId id) {
            const int layer = g.producer(known(g, id));
            return layer < 0 ? std::nullopt : std::optional(layer);
          },
          py::arg("tensor"), doc("Graph.producer"))
      .def(
          "consumers", [](const Graph& g, TensorId id) { return g.consumers(known(g, id)); },
          py::arg("tensor"), doc("Graph.consumers"))
      .def("copy", copy, doc("Graph.copy"))
      .def("__copy__", copy)
      .def("__deepcopy__", [](const Graph& g, const py::dict&) { return Graph(g); })
      .def("verify", &Graph::verify, doc("Graph.verify"))
      .def("text", &Graph::text, doc("Graph.text"))
      .def("hash", &Graph::hash, doc("Graph.hash"))
      .def("__repr__", [](const Graph& g) {
        return "<tessera.Graph " + g.name + " of " + std::to_string(g.layers().size()) + " layers>";
      });
}

}  // namespace

void bindGraph(py::module_& module) {
  bindGraphParts(module);
  py::class_<Graph> graph(module, "Graph", doc("Graph"));
  bindDefinition(graph);
  bindInspection(graph);
  py::class_<Pass>(module, "Pass", doc("Pass"))
      .def_readonly("name", &Pass::name, doc("Pass.name"))
      .def_readonly("purpose", &Pass::purpose, doc("Pass.purpose"));
  module.def("all_passes", &allPasses, doc("all_passes"));
  module.def(
      "optimize",
      [](Graph& g, const std::vector<std::string>& off) {
        const PassOptions options{{off.begin(), off.end()}};
        withoutGil([&] { optimize(g, options); });
      },
      py::arg("graph"), py::arg("passes_off") = py::tuple(), doc("optimize"));
}

}  // namespace tessera::python
