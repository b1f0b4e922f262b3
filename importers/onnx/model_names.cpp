// Visits every name of a model.
#include "importers/onnx/model_names.hpp"

#include "importers/common/names.hpp"

namespace tessera::onnx {
namespace {

template <class Visit>
void visitValues(google::protobuf::RepeatedPtrField<tessera_onnx::ValueInfo>& values, Visit&& visit) {
  for (auto& value : values) {
    if (value.has_name()) visit(*value.mutable_name());
    if (!value.type().tensor_type().has_shape()) continue;
    for (auto& dim : *value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim())
      if (dim.has_dim_param()) visit(*dim.mutable_dim_param());
  }
}

template <class Visit>
void visitGraph(tessera_onnx::Graph& graph, Visit&& visit);

template <class Visit>
void visitNodes(google::protobuf::RepeatedPtrField<tessera_onnx::Node>& nodes, Visit&& visit) {
  for (auto& node : nodes) {
    if (node.has_name()) visit(*node.mutable_name());
    if (node.has_domain()) visit(*node.mutable_domain());
    if (node.has_op_type()) visit(*node.mutable_op_type());
    for (auto& name : *node.mutable_input()) visit(name);
    for (auto& name : *node.mutable_output()) visit(name);
    for (auto& attribute : *node.mutable_attribute())
      if (attribute.has_g()) visitGraph(*attribute.mutable_g(), visit);
  }
}

template <class Visit>
void visitGraph(tessera_onnx::Graph& graph, Visit&& visit) {
  if (graph.has_name()) visit(*graph.mutable_name());
  visitValues(*graph.mutable_input(), visit);
  visitValues(*graph.mutable_output(), visit);
  for (auto& tensor : *graph.mutable_initializer())
    if (tensor.has_name()) visit(*tensor.mutable_name());
  for (auto& sparse : *graph.mutable_sparse_initializer())
    if (sparse.has_values() && sparse.values().has_name()) visit(*sparse.mutable_values()->mutable_name());
  visitNodes(*graph.mutable_node(), visit);
}

template <class Visit>
void visitModel(tessera_onnx::Model& model, Visit&& visit) {
  visitGraph(*model.mutable_graph(), visit);
  for (auto& function : *model.mutable_functions()) {
    if (function.has_name()) visit(*function.mutable_name());
    if (function.has_domain()) visit(*function.mutable_domain());
    for (auto& name : *function.mutable_input()) visit(name);
    for (auto& name : *function.mutable_output()) visit(name);
    visitNodes(*function.mutable_node(), visit);
  }
  for (auto& set : *model.mutable_opset_import())
    if (set.has_domain()) visit(*set.mutable_domain());
}

}  // namespace

bool escapeNames(tessera_onnx::Model& model) {
  bool plain = true;
  visitModel(model, [&](std::string& name) { plain = plain && isUtf8(name); });
  if (!plain) visitModel(model, [](std::string& name) { name = escapeBytes(name); });
  return !plain;
}

}  // namespace tessera::onnx
