// The pass over calibration data. Statistics are layers of the graph: the tensors never leave the device.
#include "calib/statistics_run.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>

namespace tessera {
namespace {

constexpr int kAtOnce = 2;  // batches on the device
constexpr const char *kMax = "/absmax", *kMean = "/mean", *kHistogram = "/histogram", *kHigh = "/high",
                     *kLow = "/low";

// A statistic can be attached to any f32 tensor; a constant or missing one is the caller's mistake.
TensorId tensorNamed(const Graph& graph, const std::string& name) {
  const TensorId id = graph.findTensor(name);
  if (id == kNoTensor) throw Error(ErrorCode::Internal, "no tensor named " + name + " to calibrate");
  return id;
}

// Tensors whose channels' extremes are looked at, for one purpose or another.
std::set<std::string> withExtremes(const StatisticsWanted& wanted) {
  std::set<std::string> names(wanted.extremes.begin(), wanted.extremes.end());
  names.insert(wanted.peaks.begin(), wanted.peaks.end());
  names.insert(wanted.least.begin(), wanted.least.end());
  return names;
}

// Statistics as soon as there is what they are of: it is in the caches, and takes memory no longer than
// without them.
void moveBehindProducers(Graph& graph, std::size_t own) {
  std::map<int, std::vector<Layer>> behind;  // by producer; -1: inputs of the network
  for (std::size_t i = own; i < graph.layers().size(); ++i)
    behind[graph.producer(graph.layers()[i].inputs[0])].push_back(graph.layers()[i]);
  std::vector<Layer> ordered = std::move(behind[-1]);
  for (std::size_t i = 0; i < own; ++i) {
    ordered.push_back(graph.layers()[i]);
    std::ranges::move(behind[static_cast<int>(i)], std::back_inserter(ordered));
  }
  graph.editLayers() = std::move(ordered);
}

// The network with statistics for its outputs, and its own where some of them are kept.
Graph withStatistics(const Graph& optimized, const StatisticsWanted& wanted) {
  Graph graph = optimized;
  if (wanted.keep == 0) graph.outputs().clear();
  const auto add = [&](const char* op, const std::string& layer, const std::string& tensor, Attributes attrs,
                       std::vector<std::string> outputs) {
    graph.add(op, layer, {tensorNamed(graph, tensor)}, std::move(attrs), outputs);
    for (const auto& output : outputs) graph.markOutput(graph.findTensor(output));
  };
  for (const auto& name : wanted.histograms)
    add("Histogram", name + kHistogram, name, {}, {name + kHistogram, name + kMax});
  for (const auto& name : wanted.means)
    add("GlobalPool", name + kMean, name, {{"mode", std::string("average")}}, {name + kMean});
  for (const auto& name : withExtremes(wanted))
    add("ChannelExtremes", name + kHigh, name, {}, {name + kHigh, name + kLow});
  moveBehindProducers(graph, optimized.layers().size());
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

// One run of the network: `images` of its items count, or, where it holds one image again and again, one.
struct Run {
  TensorMap batch;
  std::string source;
  std::int64_t items = 1;
  bool copies = false;
};

std::int64_t batchItems(const TensorMap& batch) {
  std::int64_t items = 1;
  for (const auto& [_, value] : batch)
    if (!value.shape.empty()) items = std::max(items, value.shape[0]);
  return items;
}

// Whether every item of the batch from `images` on is the one that many before it, in every input.
bool repeats(const TensorMap& batch, std::int64_t items, std::int64_t images) {
  for (const auto& [_, value] : batch) {
    if (value.shape.empty() || value.shape[0] != items) continue;
    const auto size = static_cast<std::ptrdiff_t>(value.data.size() / static_cast<std::size_t>(items));
    if (!std::equal(value.data.begin() + images * size, value.data.end(), value.data.begin())) return false;
  }
  return true;
}

// A batch that was filled up becomes runs of one image each: its statistics are those of the image, and its
// counts as many times too large as there are items.
std::vector<Run> runsOf(TensorMap batch, const std::string& source) {
  const std::int64_t items = batchItems(batch);
  std::int64_t images = 1;
  while (images < items && !repeats(batch, items, images)) ++images;
  if (images == items) return {{std::move(batch), source, items, false}};
  std::vector<Run> runs;
  for (std::int64_t i = 0; i < images; ++i) {
    TensorMap alone = batch;
    for (auto& [_, value] : alone) {
      if (value.shape.empty() || value.shape[0] != items) continue;
      const auto size = static_cast<std::ptrdiff_t>(value.data.size() / static_cast<std::size_t>(items));
      const std::vector<std::byte> one(value.data.begin() + i * size, value.data.begin() + (i + 1) * size);
      for (std::int64_t k = 0; k < items; ++k)
        std::copy(one.begin(), one.end(), value.data.begin() + k * size);
    }
    runs.push_back({std::move(alone), source, items, true});
  }
  return runs;
}

class Collector {
 public:
  Collector(const Graph& graph, const StatisticsWanted& wanted, int batches, TensorStatistics& found)
      : graph_(graph),
        wanted_(wanted),
        every_(std::max(batches / std::max(wanted.keep, 1), 1)),
        found_(found) {}

  void add(const TensorMap& results, Run run) {
    const std::int64_t counted = run.copies ? 1 : run.items;
    for (const auto& name : wanted_.histograms) {
      const auto counts = results.at(name + kHistogram).as<std::int32_t>();
      requireFinite(graph_.tensor(tensorNamed(graph_, name)), counts, run.source);
      std::vector<std::int32_t> once(counts.begin(), counts.end());
      if (run.copies)
        for (auto& count : once) count /= static_cast<std::int32_t>(run.items);
      sums_[name].add(results.at(name + kMax).as<float>()[0], once);
    }
    for (const auto& name : wanted_.means) {
      const HostTensor& value = results.at(name + kMean);
      auto& mean = found_.channelMeans[name];
      mean.resize(value.shape[1]);
      for (std::int64_t i = 0; i < counted * value.shape[1]; ++i) mean[i % value.shape[1]] += value.number(i);
    }
    for (const auto& name : wanted_.peaks) {
      const HostTensor &high = results.at(name + kHigh), &low = results.at(name + kLow);
      auto& peak = found_.channelPeaks[name];
      peak.resize(high.shape[1], 0.0f);
      for (std::int64_t i = 0; i < high.size(); ++i) {
        float& top = peak[i % high.shape[1]];
        top = std::max({top, high.as<float>()[i], -low.as<float>()[i]});
      }
    }
    for (const auto& name : wanted_.extremes)
      for (std::int64_t item = 0; item < counted; ++item) {
        found_.extremes[name].high.push_back(rowOf(results.at(name + kHigh), item));
        found_.extremes[name].low.push_back(rowOf(results.at(name + kLow), item));
      }
    for (const auto& name : wanted_.least)
      found_.least[name] =
          std::min(found_.least[name], *std::ranges::min_element(results.at(name + kLow).as<float>()));
    if (found_.batches % every_ == 0 && static_cast<int>(found_.samples.size()) < wanted_.keep) {
      found_.samples.push_back(std::move(run.batch));
      found_.sampleImages.push_back(found_.images);
      TensorMap& own = found_.sampleOutputs.emplace_back();
      for (const TensorId id : graph_.outputs())
        own[graph_.tensor(id).name] = results.at(graph_.tensor(id).name);
    }
    found_.images += static_cast<int>(counted);
  }
  void endBatch() { ++found_.batches; }

  void finish() {
    for (auto& [name, mean] : found_.channelMeans)
      for (double& value : mean) value /= std::max(found_.images, 1);
    for (const auto& [name, sum] : sums_) found_.histograms[name] = sum.result();
  }

 private:
  static std::vector<float> rowOf(const HostTensor& value, std::int64_t item) {
    const auto row = value.as<float>().subspan(static_cast<std::size_t>(item * value.shape[1]),
                                               static_cast<std::size_t>(value.shape[1]));
    return {row.begin(), row.end()};
  }

  const Graph& graph_;
  const StatisticsWanted& wanted_;
  int every_;
  TensorStatistics& found_;
  std::map<std::string, HistogramSum> sums_;
};

}  // namespace

EngineOptions calibrationEngine(std::shared_ptr<const Engine> like, const std::vector<std::string>& worker) {
  EngineOptions options;
  options.optimized = true;
  options.tuning.mode = TuneMode::Off;
  options.tuning.worker = worker;
  options.sharePrograms = std::move(like);
  return options;
}

TensorStatistics runStatistics(const Graph& optimized, const Device& device, Calibrator& calibrator,
                               const StatisticsWanted& wanted, const CalibrationOptions& options) {
  TensorStatistics found;
  const auto engine =
      Engine::build(withStatistics(optimized, wanted), device, calibrationEngine(nullptr, options.worker));
  const int total = calibrator.batchCount();
  Collector collector(optimized, wanted, total, found);
  // Several contexts in turns: statistics are many small kernels, which leave a device idle on their own.
  struct Turn {
    Context context;
    Run run;
    bool last = false, running = false;
  };
  std::vector<Turn> turns;
  for (int i = 0; i < kAtOnce; ++i) turns.push_back({Context(engine), {}, false, false});
  const auto collect = [&](Turn& turn) {
    if (!turn.running) return;
    collector.add(turn.context.finish(), std::move(turn.run));
    turn.running = false;
    if (!turn.last) return;
    collector.endBatch();
    if (options.progress) options.progress("statistics", found.batches, total);
  };
  std::size_t next = 0;
  int batches = 0;
  for (TensorMap batch; calibrator.nextBatch(batch); batch = {}) {
    std::string source = calibrator.lastBatch();
    if (source.empty()) source = "batch " + std::to_string(++batches);
    auto runs = runsOf(std::move(batch), source);
    for (std::size_t r = 0; r < runs.size(); ++r) {
      Turn& turn = turns[next++ % turns.size()];
      collect(turn);
      turn.context.start(runs[r].batch);
      turn.run = std::move(runs[r]);
      turn.last = r + 1 == runs.size();
      turn.running = true;
    }
  }
  for (std::size_t i = 0; i < turns.size(); ++i) collect(turns[next++ % turns.size()]);
  collector.finish();
  return found;
}

}  // namespace tessera
