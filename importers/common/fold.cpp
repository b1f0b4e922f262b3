// The builder both importers share.
#include "importers/common/fold.hpp"

#include <algorithm>

#include "graph/counted_extents.hpp"
#include "graph/evaluate.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1}
                                       << 38;  ///< of a layer's output: more is a damaged model's
constexpr std::int64_t kMostFolded = std::int64_t{1}
                                     << 28;  ///< elements of a result worth computing at import

/// Elements of a layer's outputs together; throws Error(BadModel) where an extent is negative or the whole is
/// absurd.
std::int64_t checkedSize(const Graph& graph, const Layer& layer) {
  std::int64_t all = 0;
  for (TensorId id : layer.outputs) {
    std::int64_t count = 1;
    for (std::int64_t extent : graph.tensor(id).shape) {
      if (extent < 0 || (extent > 0 && count > kMostElements / extent))
        throw Error(ErrorCode::BadModel, "layer '" + layer.name + "' (" + layer.op +
                                             ") gives the impossible shape " +
                                             toString(graph.tensor(id).shape));
      count *= extent;
    }
    all += count;
  }
  return all;
}

}  // namespace

std::vector<TensorId> ImportBuilder::addAll(const std::string& op, const std::string& name,
                                            std::vector<TensorId> inputs, Attributes attrs,
                                            std::vector<std::string> outputNames) {
  // Coded weights stay coded: the precision stage takes their scales (lower/qdq), the fp32 passes fold them.
  const bool foldable =
      !inputs.empty() && op != "Dequantize" && std::all_of(inputs.begin(), inputs.end(), [&](TensorId id) {
        return id == kNoTensor || graph.tensor(id).isConstant();
      });
  const Layer layer = graph.addLayer(op, name, std::move(inputs), std::move(attrs), std::move(outputNames));
  if (checkedSize(graph, layer) > kMostFolded || !foldable) return layer.outputs;

  std::vector<HostTensor> operands;
  for (TensorId id : layer.inputs)
    operands.push_back(id == kNoTensor ? HostTensor{} : *graph.tensor(id).constant);
  auto results = evaluateLayer(graph, layer, operands);
  graph.layers().pop_back();
  for (std::size_t i = 0; i < results.size(); ++i)
    graph.tensor(layer.outputs[i]).constant = std::make_shared<const HostTensor>(std::move(results[i]));
  return layer.outputs;
}

TensorId ImportBuilder::add(const std::string& op, const std::string& name, std::vector<TensorId> inputs,
                            Attributes attrs, std::vector<std::string> outputNames) {
  return addAll(op, name, std::move(inputs), std::move(attrs), std::move(outputNames)).at(0);
}

std::string ImportBuilder::describe(const std::vector<TensorId>& ids) const {
  std::string out;
  for (TensorId id : ids)
    out += (out.empty() ? "" : ", ") + (id == kNoTensor ? std::string("-") : graph.tensor(id).desc().text());
  return out;
}

Graph ImportBuilder::finish() {
  if (!rejected_.empty()) {
    std::string all = file_ + ": " + std::to_string(rejected_.size()) +
                      (rejected_.size() == 1 ? " node is" : " nodes are") + " not supported:";
    for (const auto& node : rejected_)
      all += "\n  " + node.type + " '" + node.name + "'" +
             (node.version.empty() ? "" : " (" + node.version + ")") + " of (" + node.shapes +
             "): " + node.reason;
    throw Error(ErrorCode::Unsupported, all);
  }
  graph.compact();
  graph.verify();
  try {
    countedExtents(graph);
  } catch (const Error& e) {
    throw Error(e.code(), file_ + ": " + e.what());
  }
  return std::move(graph);
}

}  // namespace tessera
