#include "apps/common/batch.hpp"

namespace tessera::app {

void checkBatch(const std::string& model, const Graph& one, const Graph& many, std::int64_t batch) {
  for (std::size_t i = 0; i < many.outputs().size() && i < one.outputs().size(); ++i) {
    const GraphTensor &single = one.tensor(one.outputs()[i]), &several = many.tensor(many.outputs()[i]);
    Shape whole = single.shape;
    if (!whole.empty()) whole[0] *= batch;
    if (several.shape == whole || several.shape == single.shape) continue;
    throw Error(
        ErrorCode::InvalidArgument,
        model + ": output '" + several.name + "' is " + toString(single.shape) + " for one item and " +
            toString(several.shape) + " for " + std::to_string(batch) +
            ": the model fixes its batch size within (in a Reshape, perhaps) and mixes the items. Run it "
            "with a batch of 1, or export it with an open batch.");
  }
}

}  // namespace tessera::app
