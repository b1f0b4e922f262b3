// Looks for the classes of an output.
#include "calib/class_axis.hpp"

#include <map>

#include "graph/layer_view.hpp"
#include "ops/operator.hpp"
#include "ops/softmax.hpp"

namespace tessera {
namespace {

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph) {}

  std::optional<std::size_t> find(TensorId id) {
    const int producer = graph_.producer(id);
    if (producer < 0) return std::nullopt;
    if (const auto known = known_.find(id); known != known_.end()) return known->second;
    const Layer& layer = graph_.layers()[producer];
    return known_[id] = throughLayer(layer, viewOf(graph_, layer), traitsOf(layer.op));
  }

 private:
  std::optional<std::size_t> throughLayer(const Layer& layer, const OpView& view,
                                          const OperatorTraits& traits) {
    if (const auto axis = competingAxis(view)) return axis;
    if (traits.weights) return 1;
    if (!traits.follow) return std::nullopt;
    std::size_t activations = 0;
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      if (layer.inputs[i] == kNoTensor || graph_.tensor(layer.inputs[i]).isConstant()) continue;
      ++activations;
      if (found) continue;
      if (const auto axis = find(layer.inputs[i])) found = traits.follow(view, i, *axis);
    }
    const bool mixed = found && traits.joins && activations > 1 && *found == joinedAxis(view);
    return mixed ? std::nullopt : found;
  }
  static std::size_t joinedAxis(const OpView& view) {
    const auto axis = view.attrs.integer("axis"),
               rank = static_cast<std::int64_t>(view.outputs[0].shape.size());
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  }

  const Graph& graph_;
  std::map<TensorId, std::optional<std::size_t>> known_;
};

}  // namespace

std::optional<std::size_t> classAxis(const Graph& graph, TensorId tensor) {
  return Finder(graph).find(tensor);
}

}  // namespace tessera
