// The pass over calibration data. Statistics are layers of the graph: the tensors never leave the device.
#include "calib/statistics_run.hpp"

#include <algorithm>
#include <numeric>

namespace tessera {
namespace {

constexpr int kAtOnce = 2;  // batches on the device
constexpr const char *kMax = "/absmax", *kMean = "/mean", *kHistogram = "/histogram", *kPeak = "/peak";

// A statistic can be attached to any f32 tensor; a constant or missing one is the caller's mistake.
TensorId tensorNamed(const Graph& graph, const std::string& name) {
  const TensorId id = graph.findTensor(name);
  if (id == kNoTensor) throw Error(ErrorCode::Internal, "no tensor named " + name + " to calibrate");
  return id;
}

// The network with statistics for its outputs; its own are not downloaded.
Graph withStatistics(const Graph& optimized, const std::vector<std::string>& tensors,
                     const std::vector<std::string>& means, const std::vector<std::string>& peaks) {
  Graph graph = optimized;
  graph.outputs().clear();
  for (const auto& name : tensors) {
    const TensorId tensor = tensorNamed(graph, name);
    const TensorId largest = graph.add("AbsMax", name + kMax, {tensor});
    graph.markOutput(largest);
    graph.markOutput(graph.add("Histogram", name + kHistogram, {tensor, largest},
                               {{"bins", HistogramSum::kBins}, {"round_limit", 1}}));
  }
  for (const auto& name : means)
    graph.markOutput(graph.add("GlobalPool", name + kMean, {tensorNamed(graph, name)},
                               {{"mode", std::string("average")}}));
  for (const auto& name : peaks) {
    const TensorId size = graph.add("Abs", name + "/abs", {tensorNamed(graph, name)});
    graph.markOutput(graph.add("GlobalPool", name + kPeak, {size}, {{"mode", std::string("max")}}));
  }
  return graph;
}

// Histograms count finite values only: what is missing of a tensor is infinite or NaN, and no threshold fits
// it.
void requireFinite(const GraphTensor& tensor, std::span<const std::int32_t> counts,
                   const std::string& batch) {
  const std::int64_t missing =
      elementCount(tensor.shape) - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (missing == 0) return;
  throw Error(
      ErrorCode::InvalidArgument,
      "tensor '" + tensor.name + "' holds " + std::to_string(missing) + " infinities or NaN for " + batch +
          ", and INT8 has no scale for those: look at the network's fp32 results and at how images become "
          "its input, or leave the image out");
}

}  // namespace

EngineOptions calibrationEngine(std::shared_ptr<const Engine> like) {
  EngineOptions options;
  options.optimized = true;
  options.tuning.mode = TuneMode::Off;
  options.sharePrograms = std::move(like);
  return options;
}

TensorStatistics runStatistics(const Graph& optimized, const Device& device, Calibrator& calibrator,
                               const std::vector<std::string>& tensors, const std::vector<std::string>& means,
                               const std::vector<std::string>& peaks, int keep, const Progress& progress) {
  TensorStatistics found;
  found.engine = Engine::build(withStatistics(optimized, tensors, means, peaks), device, calibrationEngine());
  std::map<std::string, HistogramSum> sums;
  const int total = calibrator.batchCount(), every = std::max(total / std::max(keep, 1), 1);
  const auto add = [&](const TensorMap& results, TensorMap batch, const std::string& source) {
    for (const auto& name : tensors) {
      const auto counts = results.at(name + kHistogram).as<std::int32_t>();
      requireFinite(optimized.tensor(tensorNamed(optimized, name)), counts, source);
      sums[name].add(results.at(name + kMax).number(0), counts);
    }
    for (const auto& name : means) {
      const HostTensor& value = results.at(name + kMean);
      auto& mean = found.channelMeans[name];
      mean.resize(value.shape[1]);
      for (std::int64_t i = 0; i < value.size(); ++i)
        mean[i % value.shape[1]] += value.number(i) / static_cast<double>(value.shape[0]);
    }
    for (const auto& name : peaks) {
      const HostTensor& value = results.at(name + kPeak);
      auto& peak = found.channelPeaks[name];
      peak.resize(value.shape[1], 0.0f);
      for (std::int64_t i = 0; i < value.size(); ++i)
        peak[i % value.shape[1]] = std::max(peak[i % value.shape[1]], value.as<float>()[i]);
    }
    if (found.batches % every == 0 && static_cast<int>(found.samples.size()) < keep)
      found.samples.push_back(std::move(batch));
    ++found.batches;
    if (progress) progress("statistics", found.batches, total);
  };
  // Several contexts in turns: statistics are many small kernels, which leave a device idle on their own.
  struct Turn {
    Context context;
    TensorMap batch;
    std::string source;
    bool running = false;
  };
  std::vector<Turn> turns;
  for (int i = 0; i < kAtOnce; ++i) turns.push_back({Context(found.engine), {}, {}, false});
  const auto collect = [&](Turn& turn) {
    if (turn.running) add(turn.context.finish(), std::move(turn.batch), turn.source);
    turn.running = false;
  };
  std::size_t next = 0;
  for (TensorMap batch; calibrator.nextBatch(batch); batch.clear()) {
    Turn& turn = turns[next++ % turns.size()];
    collect(turn);
    turn.context.start(batch);
    turn.batch = std::move(batch);
    turn.source = calibrator.lastBatch();
    if (turn.source.empty()) turn.source = "batch " + std::to_string(next);
    turn.running = true;
  }
  for (std::size_t i = 0; i < turns.size(); ++i) collect(turns[next++ % turns.size()]);
  for (auto& [name, mean] : found.channelMeans)
    for (double& value : mean) value /= std::max(found.batches, 1);
  for (const auto& [name, sum] : sums) found.histograms[name] = sum.result();
  return found;
}

}  // namespace tessera
