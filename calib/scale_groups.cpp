#include "calib/scale_groups.hpp"

#include <algorithm>

namespace tessera {
namespace {

double relativeNoise(const AbsHistogram& h, double threshold) {
  double power = 0, total = 0;
  for (std::size_t b = 0; b < h.counts.size(); ++b) {
    const double x = (static_cast<double>(b) + 0.5) * h.binWidth();
    power += static_cast<double>(h.counts[b]) * x * x;
    total += static_cast<double>(h.counts[b]);
  }
  return power > 0 ? codingError(h, threshold) * total / power : 0;
}

}  // namespace

std::vector<ScaleGroup> scaleGroups(const AutoInputs& in, const Calibration& calibration) {
  const Graph& graph = in.graph;
  const Int8Plan plan = planInt8(graph, calibration, in.options.layerPrecision);
  std::map<int, ScaleGroup> found;
  double total = 0;
  std::int64_t largest = 0;
  for (const Layer& layer : graph.layers()) {
    total += multiplyAdds(graph, layer);
    for (const TensorId out : layer.outputs) largest = std::max(largest, graph.tensor(out).desc().size());
  }
  for (const auto& [name, histogram] : in.statistics.histograms) {
    const TensorId id = graph.findTensor(name);
    ScaleGroup& group = found[plan.group[id]];
    group.tensors.push_back(name);
    const double finer =
        127 / static_cast<double>(127 - plan.zero(id));  // steps, where there is a zero point
    group.noise = std::max(group.noise, relativeNoise(histogram, plan.highest(id)) * finer * finer);
    for (std::size_t i = 0; i < graph.layers().size(); ++i) {
      const Layer& layer = graph.layers()[i];
      if (plan.roles[i] != Int8Role::Compute || layer.inputs[0] != id) continue;
      group.readers.push_back(layer.name);
      group.share += multiplyAdds(graph, layer) / std::max(total, 1.0);
      const TensorId out = layer.outputs[0];
      group.large = group.large || (!graph.isOutput(out) && graph.tensor(out).desc().size() > largest / 4);
    }
  }
  std::vector<ScaleGroup> groups;
  for (auto& [_, group] : found) groups.push_back(std::move(group));
  std::stable_sort(groups.begin(), groups.end(),
                   [](const ScaleGroup& a, const ScaleGroup& b) { return a.noise > b.noise; });
  return groups;
}

}  // namespace tessera
