// The graph's stable text dump, its hash, and its invariants.
#include <xxhash.h>

#include "base/hex.hpp"
#include "ops/operator.hpp"
#include "tessera/graph.hpp"

namespace tessera {
namespace {

std::uint64_t constantHash(const HostTensor& t) { return XXH3_64bits(t.data.data(), t.data.size()); }

std::string operand(const Graph& graph, TensorId id) {
  if (id == kNoTensor) return "-";
  const auto& t = graph.tensor(id);
  std::string out = "%" + std::to_string(id) + ":" + t.desc().text();
  if (t.isConstant()) out += "#" + hexText(constantHash(*t.constant));
  return out;
}

std::string list(const Graph& graph, const std::vector<TensorId>& ids) {
  std::string out;
  for (TensorId id : ids) out += (out.empty() ? "" : ", ") + operand(graph, id);
  return out;
}

}  // namespace

std::string Graph::text() const {
  std::string out = "graph " + name + "\n";
  for (TensorId id : inputs_) out += "input " + operand(*this, id) + " " + tensor(id).name + "\n";
  for (const auto& layer : layers_) {
    out += list(*this, layer.outputs) + " = " + layer.op + "(" + list(*this, layer.inputs) + ")";
    if (!layer.attrs.empty()) out += " {" + layer.attrs.text() + "}";
    out += "  ; " + layer.name + "\n";
  }
  for (TensorId id : outputs_) out += "output " + operand(*this, id) + " " + tensor(id).name + "\n";
  return out;
}

std::uint64_t Graph::hash() const { return textHash(text()); }

void Graph::verify() const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::Internal, "graph '" + name + "' is broken: " + what);
  };
  if (!indexIsCurrent()) fail("layers or names were written to behind a look-up");
  std::vector<bool> defined(tensors_.size(), false);
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto& t = tensors_[i];
    if (t.type == DataType::None) fail("tensor " + t.name + " has no type");
    if (!t.isConstant()) continue;
    defined[i] = true;
    if (t.constant->type != t.type || t.constant->shape != t.shape)
      fail("constant " + t.name + " differs from its description");
  }
  for (TensorId id : inputs_) {
    if (defined.at(id)) fail("input " + tensor(id).name + " is defined twice");
    defined[id] = true;
  }
  for (const auto& layer : layers_) {
    std::vector<TensorDesc> inputs;
    for (TensorId id : layer.inputs) {
      if (id != kNoTensor && !defined.at(id))
        fail("layer " + layer.name + " reads tensor " + tensor(id).name + " before it exists");
      inputs.push_back(id == kNoTensor ? TensorDesc{} : tensor(id).desc());
    }
    const auto outputs = inferOutputs(operatorNamed(layer.op), layer.attrs, inputs);
    if (outputs.size() != layer.outputs.size())
      fail("layer " + layer.name + " has another number of outputs than its operator");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto& t = tensor(layer.outputs[i]);
      if (defined.at(layer.outputs[i])) fail("tensor " + t.name + " is computed twice");
      defined[layer.outputs[i]] = true;
      if (t.type != outputs[i].type || t.shape != outputs[i].shape)
        fail("layer " + layer.name + " gives " + outputs[i].text() + ", its tensor says " + t.desc().text());
    }
  }
  for (TensorId id : outputs_)
    if (!defined.at(id)) fail("output " + tensor(id).name + " is never computed");
}

}  // namespace tessera
