// Building engines.
#include "tessera/engine.hpp"

#include <algorithm>
#include <set>

#include "exec/engine_impl.hpp"
#include "exec/int8_networks.hpp"
#include "exec/measured_precision.hpp"
#include "exec/race.hpp"
#include "exec/refine.hpp"
#include "exec/weights.hpp"
#include "lower/memory_need.hpp"
#include "lower/precision.hpp"
#include "lower/qdq.hpp"
#include "ops/quantised.hpp"
#include "tessera/log.hpp"
#include "tune/tactics_store.hpp"
#include "tune/tuner.hpp"

namespace tessera {

std::string_view toString(Precision precision) {
  switch (precision) {
    case Precision::Fp32:
      return "fp32";
    case Precision::Fp16:
      return "fp16";
    case Precision::Int8:
      return "int8";
  }
  return "?";
}

Precision parsePrecision(std::string_view text) {
  for (const Precision p : {Precision::Fp32, Precision::Fp16, Precision::Int8})
    if (text == toString(p)) return p;
  throw Error(ErrorCode::InvalidArgument,
              "unknown precision '" + std::string(text) + "': fp32, fp16 or int8");
}

std::string_view toString(PrecisionChoice choice) {
  return choice == PrecisionChoice::Rules ? "rules" : "measured";
}

PrecisionChoice parsePrecisionChoice(std::string_view text) {
  for (const PrecisionChoice c : {PrecisionChoice::Rules, PrecisionChoice::Measured})
    if (text == toString(c)) return c;
  throw Error(ErrorCode::InvalidArgument,
              "unknown choice of precision '" + std::string(text) + "': rules or measured");
}

namespace {

// What a step computes in: by its widest operand of data.
std::string precisionOf(const OpView& view) {
  const auto any = [&](DataType type) {
    return std::any_of(view.inputs.begin(), view.inputs.end(),
                       [&](const TensorDesc& t) { return t.type == type && !t.constant; });
  };
  if (any(DataType::Int8)) return "int8";
  return any(DataType::Float16) ? "fp16" : "fp32";
}

void describe(Engine::Impl& engine) {
  const auto add = [&](const LoweredBinding& lowered, bool isInput) {
    const Value& value = engine.lowered.values[lowered.value];
    engine.bindings.push_back({lowered.name, value.desc.type, value.desc.shape, isInput});
    engine.bindingStorage.push_back(value.storage);
    engine.memory.bindings += value.desc.bytes();
  };
  for (const auto& input : engine.lowered.inputs) add(input, true);
  for (const auto& output : engine.lowered.outputs) add(output, false);
  engine.memory.activations += engine.lowered.arenaBytes - engine.lowered.scratchBytes;
  engine.memory.workspace = engine.lowered.scratchBytes + engine.lowered.counters() * sizeof(cl_int);
  for (const Step& step : engine.lowered.steps) {
    const Cost cost = step.family->cost(step.family->problem(step.view), engine.device.caps());
    engine.layers.push_back({step.layer, step.view.op, std::string(step.family->id().name),
                             step.tactic.text(), precisionOf(step.view), cost.operations, cost.bytes});
  }
}

Int8Networks toInt8(const Graph& graph, std::uint64_t sourceHash, const EngineOptions& options,
                    const Calibration* own) {
  if (own) return {graph, *own, options.layerPrecision};
  if (!options.calibration)
    throw Error(
        ErrorCode::InvalidArgument,
        "INT8 needs a calibration: images to calibrate from, a calibration cache, or a model that carries "
        "its own scales (QuantizeLinear)");
  const Calibration& calibration = *options.calibration;
  if (!options.optimized) requireGraph(calibration, sourceHash, graph.name);
  return {graph, calibration, options.layerPrecision};
}

}  // namespace

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

std::shared_ptr<const Engine> Engine::build(Graph graph, const Device& device, const EngineOptions& options) {
  if (options.precision == Precision::Fp16)
    throw Error(ErrorCode::Unsupported, "precision fp16 has no kernels yet: choose fp32 or int8");
  const std::uint64_t sourceHash = options.precision == Precision::Int8 ? graph.hash() : 0;
  std::optional<Calibration> own;  // scales that the model itself carries
  if (options.precision == Precision::Int8 && !options.calibration && !options.optimized)
    own = takeQdq(graph);
  if (!options.optimized) optimize(graph, options.passes);
  requireMemory(graph, device.caps());
  const std::string name = graph.name;
  std::optional<Int8Networks> int8;
  if (options.precision == Precision::Int8)
    int8.emplace(toInt8(graph, sourceHash, options, own ? &*own : nullptr));
  const Network given{int8 ? int8->byRules().graph : std::move(graph),
                      int8 ? int8->byRules().precisions : std::vector<LayerPrecision>()};
  const bool integers = std::any_of(given.graph.layers().begin(), given.graph.layers().end(),
                                    [](const Layer& l) { return isQuantised(l.op); });
  const DeviceCaps caps = integers ? device.int8Caps() : device.caps();
  Tuner tuner(device, caps, options.tuning);
  // `like`: an engine of the same network, with which programs and weights are shared; null for none.
  const auto assemble = [&](const Network& network, Lowered lowered, const Impl* like = nullptr) {
    auto made = std::make_unique<Impl>(device);
    made->name = name;
    made->precisions = network.precisions;
    made->lowered = std::move(lowered);
    planMemory(made->lowered, caps);
    requireMemory(made->lowered, caps);
    std::vector<const KernelCall*> calls;
    for (const Step& step : made->lowered.steps)
      for (const auto& call : step.launch.calls) calls.push_back(&call);
    if (options.sharePrograms && options.sharePrograms->device().caps().fingerprint() == caps.fingerprint())
      made->programs.share(options.sharePrograms->impl().programs, calls);
    if (like) made->programs.share(like->programs, calls);
    made->programs.useCache(
        ProgramCache::forDevice(caps, options.tuning.folder.value_or(defaultCacheFolder())));
    made->programs.build(calls);
    uploadWeights(*made, like);
    describe(*made);
    return made;
  };
  const auto best = [&](const Network& network) {
    tuner.tune(network.graph);
    auto variants = tuner.variants(network.graph);
    std::shared_ptr<Engine> engine;
    if (variants.empty()) {
      engine.reset(new Engine(assemble(network, tuner.lower(network.graph))));
    } else {
      std::vector<std::shared_ptr<Engine>> engines;
      for (auto& variant : variants)
        engines.emplace_back(new Engine(assemble(network, std::move(variant.lowered),
                                                 engines.empty() ? nullptr : engines.back()->impl_.get())));
      const Race raced = race(engines, raceLimits(options.tuning.mode, tuner.raceSeconds()));
      engine = engines[raced.winner];
      engines.clear();
      tuner.recordWinner(network.graph, variants[raced.winner], raced.milliseconds[raced.winner]);
      engine = refine(tuner, network.graph, std::move(engine), [&](Lowered lowered, const Engine& like) {
        return std::shared_ptr<Engine>(new Engine(assemble(network, std::move(lowered), like.impl_.get())));
      });
    }
    engine->impl_->tuning = tuner.report();
    return engine;
  };
  std::shared_ptr<Engine> engine;
  if (int8 && integers && options.precisionChoice == PrecisionChoice::Measured) {
    MeasuredPrecision measured = buildByMeasuredPrecision(tuner, options.tuning.mode, *int8, best);
    engine = std::move(measured.engine);
    Impl& made = *engine->impl_;
    made.precisions = std::move(measured.precisions);
    const TuneReport& whole = tuner.report();  // of all networks that were compared
    made.tuning.candidates = whole.candidates, made.tuning.bad = whole.bad,
    made.tuning.seconds = whole.seconds;
  } else {
    engine = best(given);
  }
  // PoCL keeps programs itself, but preprocesses each before it looks. A binary skips that and costs a second
  // compilation to make: little beside a search, too much without one.
  if (searches(options.tuning.mode)) tuner.savePrograms(engine->impl_->lowered);
  if (searches(options.tuning.mode) || !caps.pocl) engine->impl_->programs.save();
  if (engine->impl_->tuning.candidates > 0) engine->impl_->tuning.seconds = tuner.spent();  // races and compiling, too
  const Impl& built = *engine->impl_;
  log().info("built '{}' for {}: {} steps, {} programs, {:.1f} MiB weights, {:.1f} MiB activations",
             built.name, caps.name, built.lowered.steps.size(), built.programs.size(),
             built.memory.weights / 1048576.0, built.memory.activations / 1048576.0);
  return engine;
}

int Engine::Impl::bindingIndex(std::string_view bindingName) const {
  std::string names;
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    if (bindings[i].name == bindingName) return static_cast<int>(i);
    names += (names.empty() ? "" : ", ") + bindings[i].name;
  }
  throw Error(ErrorCode::InvalidArgument,
              "the network has no binding '" + std::string(bindingName) + "'; it has: " + names);
}

const std::vector<Binding>& Engine::bindings() const { return impl_->bindings; }
const Binding& Engine::binding(std::string_view name) const {
  return impl_->bindings[impl_->bindingIndex(name)];
}
const Device& Engine::device() const { return impl_->device; }
const MemoryUse& Engine::memory() const { return impl_->memory; }
const std::vector<LayerPrecision>& Engine::precisions() const { return impl_->precisions; }
const std::vector<LayerInfo>& Engine::layers() const { return impl_->layers; }
const TuneReport& Engine::tuning() const { return impl_->tuning; }
std::string Engine::text() const { return impl_->lowered.text(); }

}  // namespace tessera
