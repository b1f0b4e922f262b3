// The pass over calibration data. Statistics are layers of the graph: the tensors never leave the device.
#include "calib/statistics_run.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <iterator>
#include <numeric>
#include <set>

#include "exec/packed_outputs.hpp"
#include "ops/histogram.hpp"

namespace tessera {
namespace {

constexpr int kAtOnce = 2;  // batches on the device
// Batches that every histogram is of, where there are as many.
constexpr int kLeastCounted = 24;
constexpr const char *kMax = "/absmax", *kMean = "/mean", *kHistogram = "/histogram", *kHigh = "/high",
                     *kLow = "/low";

constexpr const char* kNoScale =
    ", and INT8 has no scale for those: look at the network's fp32 results and at how images become its "
    "input, or leave the image out";

// A statistic can be attached to any f32 tensor; a constant or missing one is the caller's mistake.
TensorId tensorNamed(const Graph& graph, const std::string& name) {
  const TensorId id = graph.findTensor(name);
  if (id == kNoTensor) throw Error(ErrorCode::Internal, "no tensor named " + name + " to calibrate");
  return id;
}

bool contains(const std::vector<TensorId>& ids, TensorId id) {
  return std::ranges::find(ids, id) != ids.end();
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

// The network with statistics for its outputs, and its own and what layers read where some of them are kept.
Graph withStatistics(const Graph& optimized, const StatisticsWanted& wanted,
                     const std::vector<std::string>& read) {
  Graph graph = optimized;
  if (wanted.keep == 0) graph.outputs().clear();
  const auto add = [&](const char* op, const std::string& layer, const std::string& tensor, Attributes attrs,
                       std::vector<std::string> outputs) {
    graph.add(op, layer, {tensorNamed(graph, tensor)}, std::move(attrs), outputs);
    for (const auto& output : outputs) graph.markOutput(graph.findTensor(output));
  };
  for (const auto* names : {&wanted.histograms, &wanted.seldomHistograms})
    for (const auto& name : *names)
      add("Histogram", name + kHistogram, name, {}, {name + kHistogram, name + kMax});
  for (const auto& name : wanted.means)
    add("GlobalPool", name + kMean, name, {{"mode", std::string("average")}}, {name + kMean});
  for (const auto& name : withExtremes(wanted))
    add("ChannelExtremes", name + kHigh, name, {}, {name + kHigh, name + kLow});
  moveBehindProducers(graph, optimized.layers().size());
  for (const auto& name : read)
    if (const TensorId id = tensorNamed(graph, name); !contains(graph.inputs(), id) && !graph.isOutput(id))
      graph.markOutput(id);
  return graph;
}

// Histograms count finite values only: what is missing of a tensor is infinite or NaN, and no threshold fits
// it.
void requireFinite(const GraphTensor& tensor, std::span<const std::int32_t> counts,
                   const std::string& batch) {
  const std::int64_t missing =
      elementCount(tensor.shape) - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (missing == 0) return;
  throw Error(ErrorCode::InvalidArgument, "tensor '" + tensor.name + "' holds " + std::to_string(missing) +
                                              " infinities or NaN for " + batch + kNoScale);
}

// Of tensors that are not counted this time.
void requireFinite(const std::string& tensor, const HostTensor& high, const HostTensor& low,
                   const std::string& batch) {
  for (const HostTensor* values : {&high, &low})
    if (!std::ranges::all_of(values->as<float>(), [](float v) { return std::isfinite(v); }))
      throw Error(ErrorCode::InvalidArgument,
                  "tensor '" + tensor + "' holds infinities or NaN for " + batch + kNoScale);
}

// One run of the network: `images` of its items count, or, where it holds one image again and again, one.
struct Run {
  TensorMap batch;
  std::string source;
  std::int64_t items = 1;
  bool copies = false;
  bool full = true;   ///< with every histogram
  bool kept = false;  ///< a sample
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
  if (images == items) return {{.batch = std::move(batch), .source = source, .items = items}};
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
    runs.push_back({.batch = std::move(alone), .source = source, .items = items, .copies = true});
  }
  return runs;
}

class Collector {
 public:
  Collector(const Graph& graph, const StatisticsWanted& wanted, TensorStatistics& found)
      : graph_(graph), wanted_(wanted), found_(found) {
    if (wanted.momentParts > 0) found.moments.emplace(graph, wanted.momentParts);
  }

  // `read`: gives what layers read, planar.
  void add(const TensorMap& results, Run run,
           const std::function<std::span<const float>(const std::string&)>& read) {
    const std::int64_t counted = run.copies ? 1 : run.items;
    for (const auto& name : wanted_.histograms) addHistogram(name, results, run);
    for (const auto& name : wanted_.seldomHistograms) {
      if (run.full) addHistogram(name, results, run);
      const HostTensor &high = results.at(name + kHigh), &low = results.at(name + kLow);
      requireFinite(name, high, low, run.source);
      float& largest = largest_[name];
      for (std::int64_t i = 0; i < high.size(); ++i)
        largest = std::max({largest, high.as<float>()[i], -low.as<float>()[i]});
    }
    for (const auto& name : wanted_.means) {
      const HostTensor& value = results.at(name + kMean);
      auto& mean = found_.channelMeans[name];
      mean.resize(value.shape[1]);
      for (std::int64_t i = 0; i < counted * value.shape[1]; ++i) mean[i % value.shape[1]] += value.number(i);
    }
    for (const auto& name : wanted_.peaks)
      addPeaks(results.at(name + kHigh), results.at(name + kLow), found_.channelPeaks[name]);
    for (const auto& name : wanted_.extremes)
      for (std::int64_t item = 0; item < counted; ++item) {
        found_.extremes[name].high.push_back(rowOf(results.at(name + kHigh), item));
        found_.extremes[name].low.push_back(rowOf(results.at(name + kLow), item));
      }
    for (const auto& name : wanted_.least)
      found_.least[name] =
          std::min(found_.least[name], *std::ranges::min_element(results.at(name + kLow).as<float>()));
    const int images = found_.images + static_cast<int>(counted);
    if (run.kept) keep(results, std::move(run), images, read);
    found_.images = images;
  }
  void endBatch() { ++found_.batches; }

  void finish() {
    for (auto& [name, mean] : found_.channelMeans)
      for (double& value : mean) value /= std::max(found_.images, 1);
    const std::vector<std::int32_t> none(kHistogramBins, 0);
    for (const auto& [name, largest] : largest_) sums_[name].add(largest, none);
    for (const auto& [name, sum] : sums_) found_.histograms[name] = sum.result();
  }

 private:
  void addHistogram(const std::string& name, const TensorMap& results, const Run& run) {
    const auto counts = results.at(name + kHistogram).as<std::int32_t>();
    requireFinite(graph_.tensor(tensorNamed(graph_, name)), counts, run.source);
    const float largest = results.at(name + kMax).as<float>()[0];
    if (!run.copies) return sums_[name].add(largest, counts);
    std::vector<std::int32_t> once(counts.begin(), counts.end());
    for (auto& count : once) count /= static_cast<std::int32_t>(run.items);
    sums_[name].add(largest, once);
  }
  static void addPeaks(const HostTensor& high, const HostTensor& low, std::vector<float>& peak) {
    peak.resize(high.shape[1], 0.0f);
    for (std::int64_t i = 0; i < high.size(); ++i) {
      float& top = peak[i % high.shape[1]];
      top = std::max({top, high.as<float>()[i], -low.as<float>()[i]});
    }
  }
  // Moments are taken around the means of the `images` so far: those of all are not far from them.
  void keep(const TensorMap& results, Run run, int images,
            const std::function<std::span<const float>(const std::string&)>& read) {
    if (found_.moments)
      for (const std::string& name : found_.moments->tensors()) {
        const auto sums = found_.channelMeans.find(name);
        std::vector<double> means;
        if (sums != found_.channelMeans.end()) means = sums->second;
        for (double& mean : means) mean /= images;
        const auto given = run.batch.find(name);
        found_.moments->add(static_cast<int>(found_.samples.size()), name,
                            given == run.batch.end() ? read(name) : given->second.as<float>(),
                            means.empty() ? nullptr : &means);
      }
    found_.samples.push_back(std::move(run.batch));
    found_.sampleImages.push_back(found_.images);
    TensorMap& own = found_.sampleOutputs.emplace_back();
    for (const TensorId id : graph_.outputs())
      own[graph_.tensor(id).name] = results.at(graph_.tensor(id).name);
  }
  static std::vector<float> rowOf(const HostTensor& value, std::int64_t item) {
    const auto row = value.as<float>().subspan(static_cast<std::size_t>(item * value.shape[1]),
                                               static_cast<std::size_t>(value.shape[1]));
    return {row.begin(), row.end()};
  }

  const Graph& graph_;
  const StatisticsWanted& wanted_;
  TensorStatistics& found_;
  std::map<std::string, HistogramSum> sums_;
  std::map<std::string, float> largest_;  ///< of tensors whose histograms are not of all batches
};

// Which batches are kept, and which have every histogram: one in so many.
struct Rhythm {
  int kept, full;

  Rhythm(int batches, const StatisticsWanted& wanted)
      : kept(std::max(batches / std::max(wanted.keep, 1), 1)) {
    full = wanted.seldomHistograms.empty() ? 1 : kept;
    while (full > 1 && (kept % full != 0 || batches / full < kLeastCounted)) --full;
  }
};

// Contexts in turns: statistics are many small kernels, which leave a device idle on their own.
class Lanes {
 public:
  // `read`: what layers read that is looked at.
  Lanes(const Graph& optimized, const Device& device, const StatisticsWanted& wanted,
        const std::vector<std::string>& read, const Rhythm& rhythm, const CalibrationOptions& options,
        Collector& collector)
      : collector_(collector) {
    const auto full = Engine::build(withStatistics(optimized, wanted, read), device,
                                    calibrationEngine(nullptr, options.worker));
    for (const TensorId id : optimized.outputs()) own_.insert(optimized.tensor(id).name);
    std::set<std::string> large(read.begin(), read.end());  // which need not be kept
    large.insert(own_.begin(), own_.end());
    for (int i = 0; i < (rhythm.full > 1 ? 1 : kAtOnce); ++i) full_.emplace_back(full, large);
    if (rhythm.full == 1) return;
    StatisticsWanted less = wanted;
    less.keep = 0;
    less.seldomHistograms.clear();
    const auto light = Engine::build(withStatistics(optimized, less, {}), device, calibrationEngine(full));
    for (int i = 0; i < kAtOnce; ++i) light_.emplace_back(light, std::set<std::string>());
  }

  // `done`: called when its results were collected.
  void start(Run run, std::function<void()> done) {
    auto& lanes = run.full ? full_ : light_;
    Lane& lane = lanes[next_++ % lanes.size()];
    const auto uses = [&](const Turn& turn) { return turn.lane == &lane; };
    while (static_cast<int>(running_.size()) >= kAtOnce || std::ranges::any_of(running_, uses)) collect();
    lane.context.start(run.batch);
    running_.push_back({&lane, std::move(run), std::move(done)});
  }
  void finish() {
    while (!running_.empty()) collect();
  }

 private:
  struct Lane {
    Context context;
    PackedOutputs statistics;

    Lane(const std::shared_ptr<const Engine>& engine, const std::set<std::string>& others)
        : context(engine), statistics(context, others) {}
  };
  struct Turn {
    Lane* lane;
    Run run;
    std::function<void()> done;
  };

  void collect() {
    Turn turn = std::move(running_.front());
    running_.pop_front();
    Context& context = turn.lane->context;
    const auto read = [&](const std::string& name) {  // in room for one: they need not be kept
      room_.resize(context.binding(name).bytes() / sizeof(float));
      context.download(name, std::as_writable_bytes(std::span(room_)));
      return std::span<const float>(room_);
    };
    TensorMap results = turn.lane->statistics.read();
    if (turn.run.kept)
      for (const auto& name : own_) results[name] = context.download(name);
    collector_.add(results, std::move(turn.run), read);
    turn.done();
  }

  Collector& collector_;
  std::deque<Lane> full_, light_;
  std::set<std::string> own_;
  std::deque<Turn> running_;
  std::vector<float> room_;
  std::size_t next_ = 0;
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
  const int total = calibrator.batchCount();
  const Rhythm rhythm(total, wanted);
  Collector collector(optimized, wanted, found);
  const auto read = found.moments ? found.moments->tensors() : std::vector<std::string>();
  Lanes lanes(optimized, device, wanted, read, rhythm, options, collector);
  int batches = 0, kept = 0;
  for (TensorMap batch; calibrator.nextBatch(batch); batch = {}) {
    std::string source = calibrator.lastBatch();
    if (source.empty()) source = "batch " + std::to_string(batches + 1);
    auto runs = runsOf(std::move(batch), source);
    for (std::size_t r = 0; r < runs.size(); ++r) {
      Run& run = runs[r];
      run.full = batches % rhythm.full == 0;
      run.kept = batches % rhythm.kept == 0 && kept < wanted.keep;
      kept += run.kept;
      lanes.start(std::move(run), [&, last = r + 1 == runs.size()] {
        if (!last) return;
        collector.endBatch();
        if (options.progress) options.progress("statistics", found.batches, total);
      });
    }
    ++batches;
  }
  lanes.finish();
  collector.finish();
  return found;
}

}  // namespace tessera
