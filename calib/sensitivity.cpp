// Layers one by one in INT8.
#include <algorithm>

#include "calib/damage.hpp"
#include "lower/precision.hpp"

namespace tessera {

std::vector<LayerSensitivity> rankLayers(const Graph& imported, const Device& device, Calibrator& data,
                                         const Calibration& calibration, int batches,
                                         const CalibrationOptions& options) {
  requireGraph(calibration, imported);
  Graph graph = imported;
  optimize(graph, options.passes);
  std::vector<TensorMap> samples;
  for (TensorMap batch; static_cast<int>(samples.size()) < batches && data.nextBatch(batch); batch.clear())
    samples.push_back(batch);
  if (samples.empty())
    throw Error(ErrorCode::InvalidArgument, "the calibrator gave no batch: there is nothing to compare on");
  std::vector<const Layer*> layers;
  Calibration none = calibration;  // nothing in INT8
  for (const Layer& layer : graph.layers())
    if (int8Role(graph, layer) == Int8Role::Compute) {
      layers.push_back(&layer);
      none.floatLayers.insert(layer.name);
    }
  for (const auto& [tensor, _] : calibration.scales) none.floatTensors.insert(tensor);
  DamageMeter meter(graph, device, {}, std::move(samples));
  std::vector<LayerSensitivity> ranked;
  for (const Layer* layer : layers) {
    Calibration alone = none;
    alone.floatLayers.erase(layer->name);
    ranked.push_back({layer->name, layer->op, multiplyAdds(graph, *layer), meter(alone)});
    if (options.progress)
      options.progress("layers alone", static_cast<int>(ranked.size()), static_cast<int>(layers.size()));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const LayerSensitivity& a, const LayerSensitivity& b) {
    return a.damage.error > b.damage.error;
  });
  return ranked;
}

}  // namespace tessera
