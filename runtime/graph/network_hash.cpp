// What tells networks apart, whatever batch or image size they were imported for.
#include "graph/network_hash.hpp"

#include <algorithm>
#include <iterator>

#include "base/hex.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

// Attributes that hold extents of activations.
constexpr std::string_view kExtents[] = {"shape", "sizes", "starts", "scales", "roi"};

// Whether a constant is one of the network's parameters: read by a layer with weights, a single value, or one
// value per channel. Others, such as the places of a detector's boxes, may depend on the size of images.
bool isParameter(const Layer& reader, const HostTensor& value) {
  if (traitsOf(reader.op).weights || value.size() == 1) return true;
  const Shape& shape = value.shape;
  if (shape.size() < 2) return shape.size() == 1;
  const auto many = std::ranges::find_if(shape, [](std::int64_t extent) { return extent != 1; });
  return many - shape.begin() <= 1 && many + 1 != shape.end() &&
         std::all_of(many + 1, shape.end(), [](std::int64_t extent) { return extent == 1; });
}

std::string operand(const Graph& graph, const Layer& reader, TensorId id) {
  if (id == kNoTensor) return "-";
  const GraphTensor& t = graph.tensor(id);
  std::string out = "%" + std::to_string(id) + ":" + std::string(toString(t.type));
  if (!t.isConstant()) return out + ":" + std::to_string(t.shape.size());
  const bool codes = t.type == DataType::Int8 || t.type == DataType::UInt8;  // weights of quantised models
  if (!codes && (!isFloat(t.type) || !isParameter(reader, *t.constant))) return out;
  const auto bytes = reinterpret_cast<const char*>(t.constant->data.data());
  return out + ":" + toString(t.shape) + "#" + hexText(textHash({bytes, t.constant->data.size()}));
}

}  // namespace

std::uint64_t networkHash(const Graph& graph) {
  std::string text;
  for (const TensorId id : graph.inputs()) text += "input " + graph.tensor(id).name + "\n";
  for (const Layer& layer : graph.layers()) {
    for (const TensorId id : layer.outputs) text += "%" + std::to_string(id) + " ";
    text += "= " + layer.op + "(";
    for (const TensorId id : layer.inputs) text += operand(graph, layer, id) + " ";
    Attributes attrs = layer.attrs;
    for (const std::string_view name : kExtents) attrs.erase(name);
    text += ") " + attrs.text() + " ; " + layer.name + "\n";
  }
  for (const TensorId id : graph.outputs()) text += "output " + graph.tensor(id).name + "\n";
  return textHash(text);
}

}  // namespace tessera
