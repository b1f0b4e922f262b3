// Makes the counts of outputs visible to contexts.
#include "exec/counted_outputs.hpp"

#include <set>

namespace tessera {

std::vector<CountedOutput> exposeCounts(Graph& graph) {
  const auto counted = countedExtents(graph);
  std::set<TensorId> added;
  std::vector<CountedOutput> found;
  for (const TensorId id : std::vector<TensorId>(graph.outputs())) {
    const auto it = counted.find(id);
    if (it == counted.end()) continue;
    const TensorId count = it->second.count;
    if (!graph.isOutput(count)) {
      graph.markOutput(count);
      added.insert(count);
    }
    found.push_back(
        {graph.tensor(id).name, it->second.axis, graph.tensor(count).name, added.count(count) > 0});
  }
  return found;
}

}  // namespace tessera
