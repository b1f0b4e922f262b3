// The two passes over calibration data. Statistics are layers of the graph: the tensors never leave the
// device.
#include "calib/statistics_run.hpp"

#include <algorithm>

namespace tessera {
namespace {

constexpr const char *kMax = "/absmax", *kMean = "/mean", *kHistogram = "/histogram";

Context contextFor(Graph graph, const Device& device) {
  EngineOptions options;
  options.optimized = true;
  return Context(Engine::build(std::move(graph), device, options));
}

// The network without its outputs, so that only statistics are downloaded.
Graph withoutOutputs(const Graph& optimized) {
  Graph graph = optimized;
  graph.outputs().clear();
  return graph;
}

// A statistic can be attached to any f32 tensor; a constant or missing one is the caller's mistake.
TensorId tensorNamed(const Graph& graph, const std::string& name) {
  const TensorId id = graph.findTensor(name);
  if (id == kNoTensor) throw Error(ErrorCode::Internal, "no tensor named " + name + " to calibrate");
  return id;
}

}  // namespace

int BatchSource::forEach(const std::function<void(const TensorMap&)>& use) {
  if (keep_) {
    for (const auto& batch : kept_) use(batch);
    return static_cast<int>(kept_.size());
  }
  const bool again = started_;
  if (again && !calibrator_.rewind())
    throw Error(ErrorCode::InvalidArgument, "the calibrator could rewind once and now can not");
  // Whether it can rewind is only known by asking; ask before the first batch is taken.
  if (!started_) keep_ = !calibrator_.rewind();
  started_ = true;
  int count = 0;
  for (TensorMap batch; calibrator_.nextBatch(batch); batch.clear(), ++count) {
    use(batch);
    if (keep_) kept_.push_back(batch);
  }
  return count;
}

std::vector<TensorMap> BatchSource::first(int count) {
  std::vector<TensorMap> batches;
  if (keep_) {
    batches.assign(kept_.begin(), kept_.begin() + std::min<std::ptrdiff_t>(
                                                      count, static_cast<std::ptrdiff_t>(kept_.size())));
    return batches;
  }
  if (!calibrator_.rewind())
    throw Error(ErrorCode::InvalidArgument, "the calibrator can not rewind any more");
  for (TensorMap batch; static_cast<int>(batches.size()) < count && calibrator_.nextBatch(batch);
       batch.clear())
    batches.push_back(batch);
  return batches;
}

TensorMaxima runMaxima(const Graph& optimized, const Device& device, BatchSource& source,
                       const std::vector<std::string>& tensors, const std::vector<std::string>& means,
                       int total, const Progress& progress) {
  Graph graph = withoutOutputs(optimized);
  for (const auto& name : tensors)
    graph.markOutput(graph.add("AbsMax", name + kMax, {tensorNamed(graph, name)}));
  for (const auto& name : means)
    graph.markOutput(graph.add("GlobalPool", name + kMean, {tensorNamed(graph, name)},
                               {{"mode", std::string("average")}}));
  Context context = contextFor(std::move(graph), device);
  TensorMaxima found;
  for (const auto& name : tensors) found.maxima[name] = 0;
  found.batches = source.forEach([&](const TensorMap& batch) {
    const TensorMap results = context.run(batch);
    for (const auto& name : tensors)
      found.maxima[name] = std::max(found.maxima[name], results.at(name + kMax).number(0));
    for (const auto& name : means) {
      const HostTensor& value = results.at(name + kMean);
      auto& sums = found.channelMeans[name];
      sums.resize(value.shape[1]);
      for (std::int64_t i = 0; i < value.size(); ++i)
        sums[i % value.shape[1]] += value.number(i) / static_cast<double>(value.shape[0]);
    }
    if (progress) progress("maxima", ++found.batches, total);
  });
  for (auto& [name, sums] : found.channelMeans)
    for (double& sum : sums) sum /= std::max(found.batches, 1);
  return found;
}

std::map<std::string, AbsHistogram> runHistograms(const Graph& optimized, const Device& device,
                                                  BatchSource& source,
                                                  const std::map<std::string, double>& maxima, int total,
                                                  const Progress& progress) {
  Graph graph = withoutOutputs(optimized);
  std::map<std::string, AbsHistogram> histograms;
  for (const auto& [name, top] : maxima) {
    const TensorId limit =
        graph.addConstant(name + "/limit", HostTensor::of<float>({1}, {static_cast<float>(top)}));
    const TensorId counts = graph.add("Histogram", name + kHistogram, {tensorNamed(graph, name), limit});
    histograms[name] = {top, std::vector<std::int64_t>(graph.tensor(counts).shape[0], 0)};
    graph.markOutput(counts);
  }
  Context context = contextFor(std::move(graph), device);
  int done = 0;
  source.forEach([&](const TensorMap& batch) {
    const TensorMap results = context.run(batch);
    for (auto& [name, histogram] : histograms) {
      const auto counts = results.at(name + kHistogram).as<std::int32_t>();
      for (std::size_t b = 0; b < counts.size(); ++b) histogram.counts[b] += counts[b];
    }
    if (progress) progress("histograms", ++done, total);
  });
  return histograms;
}

}  // namespace tessera
