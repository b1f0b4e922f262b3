#include "apps/common/batch.hpp"

#include <set>
#include <vector>

namespace tessera::app {

namespace {

// Whether a tensor is computed from an input of the network.
bool dependsOnInputs(const Graph& graph, TensorId id) {
  std::vector<TensorId> open{id};
  std::set<TensorId> seen;
  while (!open.empty()) {
    const TensorId at = open.back();
    open.pop_back();
    if (at == kNoTensor || !seen.insert(at).second || graph.tensor(at).isConstant()) continue;
    const int producer = graph.producer(at);
    if (producer < 0) return true;
    const auto& inputs = graph.layers()[static_cast<std::size_t>(producer)].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return false;
}

// Whether an output has the shape that it should have for a batch. One that does not grow holds what does not
// belong to items (boxes that cells begin with, a count of all), or the model has cut all items off but one.
bool grows(const Shape& single, const Graph& many, TensorId id, std::int64_t batch) {
  const Shape& several = many.tensor(id).shape;
  Shape whole = single;
  if (!whole.empty()) whole[0] *= batch;
  if (several == whole) return true;
  return several == single && (single.size() < 2 || single[0] != 1 || !dependsOnInputs(many, id));
}

}  // namespace

void checkBatch(const std::string& model, const Graph& one, const Graph& many, std::int64_t batch) {
  for (std::size_t i = 0; i < many.outputs().size() && i < one.outputs().size(); ++i) {
    const GraphTensor &single = one.tensor(one.outputs()[i]), &several = many.tensor(many.outputs()[i]);
    if (grows(single.shape, many, many.outputs()[i], batch)) continue;
    const bool lost = several.shape == single.shape;
    throw Error(ErrorCode::InvalidArgument,
                model + ": output '" + several.name + "' is " + toString(single.shape) +
                    " for one item and " + (lost ? "no larger" : toString(several.shape)) + " for " +
                    std::to_string(batch) + ": the model fixes its batch size within (in a " +
                    (lost ? "Slice" : "Reshape") + ", perhaps) and " + (lost ? "drops" : "mixes") +
                    " items. Run it with a batch of 1, or export it with an open batch.");
  }
}

}  // namespace tessera::app
