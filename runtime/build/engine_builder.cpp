// Building engines.
#include "build/engine_builder.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <tuple>

#include "build/constants_on_disk.hpp"
#include "build/measured_precision.hpp"
#include "build/network_check.hpp"
#include "build/race.hpp"
#include "build/refine.hpp"
#include "build/verify_plugins.hpp"
#include "cl/mma_probe.hpp"
#include "exec/random_inputs.hpp"
#include "exec/weights.hpp"
#include "graph/alike.hpp"
#include "graph/amount.hpp"
#include "lower/memory_need.hpp"
#include "lower/ordered_sums.hpp"
#include "lower/precision.hpp"
#include "lower/qdq.hpp"
#include "ops/operator.hpp"
#include "tessera/context.hpp"
#include "tessera/log.hpp"
#include "tune/records/record_store.hpp"
#include "tune/trial/compile_ahead.hpp"

namespace tessera {
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
  engine.memory.activations = engine.lowered.activationBytes;
  engine.memory.workspace =
      engine.lowered.arenaBytes - engine.lowered.activationBytes + engine.lowered.counters() * sizeof(cl_int);
  for (const Step& step : engine.lowered.steps) {
    const Cost cost = step.family->cost(step.family->problem(step.view), engine.device.caps());
    engine.layers.push_back({step.layer, step.view.op, std::string(step.family->id().name),
                             step.tactic.text(), precisionOf(step.view), cost.operations, cost.bytes});
  }
}

void requireBudget(const Engine::Impl& engine, std::size_t budget) {
  const MemoryUse& m = engine.memory;
  const auto amount = [](std::size_t bytes) { return byteAmount(static_cast<double>(bytes)); };
  const std::size_t needed = m.weights + m.activations + m.bindings + m.workspace;
  if (budget == 0 || needed <= budget) return;
  throw Error(ErrorCode::OutOfMemory, "'" + engine.name + "' needs " + amount(needed) + " (weights " +
                                          (m.weights ? amount(m.weights) : "not counted yet") +
                                          ", activations " + amount(m.activations) + ", inputs and outputs " +
                                          amount(m.bindings) + ", workspace " + amount(m.workspace) +
                                          "), its budget is " + amount(budget) +
                                          ": a smaller batch or smaller inputs, fp16 or INT8 would help");
}

bool computesOnCodes(const Graph& graph) {
  return std::ranges::any_of(graph.layers(), [](const Layer& l) { return traitsOf(l.op).quantised(); });
}

// What other processes need to compile the kernels of a network. How large packed constants are is not known
// yet: a transform of weights makes eight times as much of them.
std::vector<KernelWork> kernelsOf(const Lowered& lowered, const DeviceCaps& device) {
  constexpr std::size_t kPacked = 16, kLeast = 1 << 20;
  std::vector<KernelWork> kernels;
  for (const Step& step : lowered.steps) {
    std::size_t bytes = kLeast;
    for (const auto* operands : {&step.view.inputs, &step.view.outputs})
      for (const TensorDesc& t : *operands) bytes += t.present() ? kPacked * t.bytes() : 0;
    for (const std::size_t scratch : step.launch.scratch) bytes += scratch;
    for (const KernelCall& call : step.launch.calls)
      kernels.push_back({call, std::min(bytes, device.maxAllocation)});
  }
  if (!kernels.empty())
    for (const KernelCall& check : codesChecks(device)) kernels.push_back({check, kLeast});
  return kernels;
}

// The network was lowered for instructions that turned out to be wrong here.
class WrongCodes : public Error {
 public:
  WrongCodes() : Error(ErrorCode::DeviceError, "the processor's instructions for codes compute wrong sums") {}
};

// With what is known to be right by now, should it have to be done again.
template <class Build>
std::shared_ptr<Engine> withRightCodes(Build&& build) {
  for (;;) try {
      return build();
    } catch (const WrongCodes&) {
    }
}

// A search is not to try what computes wrongly; else instructions for codes are checked when the engine is
// assembled, so that the checks are compiled beside its kernels.
DeviceCaps capsOf(const Graph& graph, const Device& device, TuneMode mode) {
  if (computesOnCodes(graph)) return searches(mode) ? device.int8Caps() : expectedInt8Caps(device);
  const bool half =
      std::ranges::any_of(graph.tensors(), [](const GraphTensor& t) { return t.type == DataType::Float16; });
  return half ? mmaCaps(device) : device.caps();
}

}  // namespace

std::shared_ptr<const Engine> Engine::build(Graph graph, const Device& device, const EngineOptions& options) {
  if (!options.shapes.empty())
    throw Error(ErrorCode::InvalidArgument,
                "the shapes of '" + graph.name +
                    "' are to change, and a graph has one of each: give Engine::build() "
                    "a function that makes the graph for other shapes (GraphSource)");
  return EngineBuilder(device, options).build(std::move(graph));
}

std::shared_ptr<const Engine> Engine::build(const GraphSource& source, const Device& device,
                                            const EngineOptions& options) {
  return EngineBuilder(device, options).build(source);
}

Int8Networks EngineBuilder::toInt8(const Graph& graph, const Calibration* own) const {
  if (own) return {graph, *own, options_.layerPrecision};
  if (!options_.calibration)
    throw Error(
        ErrorCode::InvalidArgument,
        "INT8 needs a calibration: images to calibrate from, a calibration cache, or a model that carries "
        "its own scales (QuantizeLinear)");
  return {graph, *options_.calibration, options_.layerPrecision};
}

EngineBuilder::Source EngineBuilder::prepare(Graph graph) const {
  const bool int8 = options_.precision == Precision::Int8;
  if (int8 && options_.calibration && !options_.optimized) requireGraph(*options_.calibration, graph);
  std::optional<Calibration> own;  // scales that the model itself carries
  if (int8 && !options_.calibration && !options_.optimized) own = takeQdq(graph);
  Source source;
  source.counted = exposeCounts(graph);
  if (!options_.optimized) optimize(graph, options_.passes);
  if (options_.deterministic) sumInOrder(graph);
  requireMemory(graph, device_.caps());
  moveToDisk(graph);
  if (options_.precision == Precision::Fp16) {
    source.given =
        assignPrecisions(graph, planByRules(graph, Precision::Fp16, options_.layerPrecision), nullptr);
  } else if (int8) {
    source.int8.emplace(toInt8(graph, own ? &*own : nullptr));
    source.given = source.int8->byRules();
  } else {
    source.given.graph = graph;
  }
  releaseConstants(graph);
  return source;
}

void EngineBuilder::begin(const Network& network) {
  caps_ = capsOf(network.graph, device_, options_.tuning.mode);
  tuner_.emplace(device_, caps_, options_.tuning);
}

std::shared_ptr<Engine> EngineBuilder::build(Graph graph) {
  return searchedOn(buildFrom(prepare(std::move(graph))));
}

std::shared_ptr<Engine> EngineBuilder::buildFrom(const Source& source) {
  return withRightCodes([&] { return buildOnce(source); });
}

std::shared_ptr<Engine> EngineBuilder::chosenFor(const Network& network) {
  return withRightCodes([&] {
    begin(network);
    return fastest(network);
  });
}

std::shared_ptr<Engine> EngineBuilder::buildOnce(const Source& source) {
  name_ = source.given.graph.name;
  precision_ = options_.precision;
  description_ = options_.description;
  counted_ = source.counted;
  begin(source.given);
  const bool integers = computesOnCodes(source.given.graph);
  if (!source.int8 || !integers || options_.precisionChoice != PrecisionChoice::Measured)
    return finish(fastest(source.given));
  MeasuredPrecision measured =
      buildByMeasuredPrecision(*tuner_, options_.tuning.mode, *source.int8,
                               [this](const Network& network) { return fastest(network); });
  Engine::Impl& made = *measured.engine->impl_;
  made.precisions = std::move(measured.precisions);
  const TuneReport whole = tuner_->report();  // of all networks that were compared
  made.tuning.candidates = whole.candidates, made.tuning.bad = whole.bad, made.tuning.seconds = whole.seconds;
  return finish(std::move(measured.engine));
}

std::shared_ptr<Engine> EngineBuilder::finish(std::shared_ptr<Engine> engine) {
  savePrograms(engine);
  TuneReport& report = engine->impl_->tuning;
  if (tuner_ && report.candidates > 0) report.seconds = tuner_->spent();  // races and compiling, too
  const Engine::Impl& built = engine->impl();
  log().info("built '{}' for {}: {} steps, {} programs, {:.1f} MiB weights, {:.1f} MiB activations",
             built.name, caps_.name, built.lowered.steps.size(), built.programs.size(),
             built.memory.weights / 1048576.0, built.memory.activations / 1048576.0);
  return engine;
}

std::shared_ptr<Engine> EngineBuilder::fastest(const Network& network) {
  tuner_->tune(network.graph);
  auto variants = tuner_->variants(network.graph);
  const bool raced = !variants.empty();
  TacticSources sources;
  std::shared_ptr<Engine> engine;
  if (raced) {
    std::tie(engine, sources) = race(network, variants);
  } else {
    std::tie(engine, sources) = byRecords(network);
  }
  if (raced || options_.tuning.verify)
    engine =
        keepIfRight(*tuner_, network.graph, std::move(engine), options_.tuning.verify, assembleLike(network));
  engine->impl_->tuning = tuner_->report(sources);
  engine->impl_->untuned = options_.tuning.mode == TuneMode::Off && !options_.tuning.workspaceLimit;
  engine->impl_->tuning.limited = tuner_->known().limitedLayers(network.graph, engine->impl_->lowered);
  return inOneLaunch(network, std::move(engine));
}

// What is on record may not compile any more, with another driver say.
std::pair<std::shared_ptr<Engine>, TacticSources> EngineBuilder::byRecords(const Network& network) {
  if (const auto alike = recipeOfAlike(network)) try {
      const TuneReport& its = options_.sharePrograms->impl().tuning;
      TacticSources sources;
      sources.problems = its.problems, sources.defaults = its.defaults, sources.fallback = its.fallback;
      return {assemble(network, lowerGraph(network.graph, caps_, *alike)), sources};
    } catch (const Error& e) {
      if (e.code() != ErrorCode::BadCache) throw;  // some family takes only certain numbers
    }
  auto found = tuner_->lower(network.graph);
  try {
    return {assemble(network, found.lowered), found.sources};
  } catch (const WrongCodes&) {
    throw;
  } catch (const Error& e) {
    auto untuned = tuner_->known().lowerAs(network.graph, std::nullopt);
    if (e.code() != ErrorCode::DeviceError || untuned.recipe.steps == found.recipe.steps) throw;
    log().warn("the kernels on record of '{}' do not come about on {}, and it runs untuned: {}", name_,
               device_.caps().name, e.what());
    return {assemble(network, std::move(untuned.lowered)), untuned.sources};
  }
}

AssembleLike EngineBuilder::assembleLike(const Network& network) const {
  return [this, &network](Lowered lowered, const Engine& like) {
    return assemble(network, std::move(lowered), &like);
  };
}

std::pair<std::shared_ptr<Engine>, TacticSources> EngineBuilder::race(
    const Network& network, const std::vector<Tuner::Variant>& variants) {
  std::vector<std::shared_ptr<Engine>> engines;
  for (const auto& variant : variants)
    engines.push_back(
        assemble(network, variant.found.lowered, engines.empty() ? nullptr : engines.back().get()));
  const Race race = tessera::race(engines, raceLimits(options_.tuning.mode, tuner_->raceSeconds()));
  auto engine = engines[race.winner];
  engines.clear();
  const Found& winner = variants[race.winner].found;
  tuner_->recordRecipe(network.graph, winner.recipe, race.milliseconds[race.winner]);
  engine = refine(*tuner_, network.graph, winner, std::move(engine), assembleLike(network));
  return {std::move(engine), winner.sources};
}

std::shared_ptr<Engine> EngineBuilder::assemble(const Network& network, Lowered lowered, const Engine* like,
                                                bool mustChain) const {
  if (stop_ && *stop_) throw Error(ErrorCode::DeviceError, "the search for '" + name_ + "' was stopped");
  if (!like) like = like_;
  auto made = std::make_unique<Engine::Impl>(device_, caps_);
  made->name = name_, made->description = description_;
  made->precision = precision_;
  made->graph = network.graph;
  made->precisions = network.precisions;
  made->counted = counted_;
  made->lowered = std::move(lowered);
  if (options_.launches == Launches::Steps) made->lowered.chainGroups = 0;
  planMemory(made->lowered, caps_);
  requireMemory(made->lowered, caps_);
  describe(*made);
  requireBudget(*made, options_.memoryBudget);  // before minutes of compiling; weights are not known yet
  std::vector<const KernelCall*> calls;
  for (const Step& step : made->lowered.steps)
    for (const auto& call : step.launch.calls) calls.push_back(&call);
  if (options_.sharePrograms && options_.sharePrograms->device().caps().fingerprint() == caps_.fingerprint())
    made->programs.share(options_.sharePrograms->impl().programs, calls);
  if (planned_) {
    made->planned = planned_;
    made->programs.useBinaries({planned_, &planned_->programs});
  }
  if (like) made->programs.share(like->impl().programs, calls);
  made->programs.useCache(
      ProgramCache::forDevice(caps_, options_.tuning.folder.value_or(defaultCacheFolder())));
  // In one launch nobody needs the kernels of steps but profiles and the like; one that is tried is compared
  // with them.
  const bool deferring = made->lowered.chainGroups > 0 && !mustChain;
  if (deferring) made->programs.defer(calls);
  std::vector<KernelWork> known;
  if (const auto& other = options_.sharePrograms) known = kernelsOf(other->impl().lowered, caps_);
  CompileAhead ahead(deferring ? std::vector<std::string>() : workersFor(*made), caps_,
                     kernelsOf(made->lowered, caps_), known);
  uploadWeights(*made, like ? &like->impl() : sharingWeights());
  ahead.finish();
  if (!planned_ && !confirmCodes(device_, caps_)) throw WrongCodes();
  if (!deferring) made->programs.build(calls);
  addChain(*made, mustChain);
  if (!made->chain) made->programs.build(calls);
  requireBudget(*made, options_.memoryBudget);
  verifyPlugins(*made);
  return std::shared_ptr<Engine>(new Engine(std::move(made)));
}

// Buffers are of one context of the device.
const Engine::Impl* EngineBuilder::sharingWeights() const {
  const Engine* other = options_.sharePrograms.get();
  const bool same = other && other->device().impl().context() == device_.impl().context();
  return same ? &other->impl() : nullptr;
}

// Of another engine without tuning, whose network differs from this one in numbers alone, such as scales:
// what would be chosen again.
std::optional<Recipe> EngineBuilder::recipeOfAlike(const Network& network) const {
  if (!options_.sharePrograms || options_.tuning.mode != TuneMode::Off || options_.tuning.workspaceLimit)
    return std::nullopt;
  const Engine::Impl& other = options_.sharePrograms->impl();
  if (!other.untuned || other.caps.fingerprint() != caps_.fingerprint() ||
      !differInNumbersAlone(other.graph, network.graph))
    return std::nullopt;
  return recipeOf(other.lowered);
}

// A search has its own processes, and a plan that brings programs needs none.
std::vector<std::string> EngineBuilder::workersFor(const Engine::Impl& made) const {
  const bool brings = made.planned && std::ranges::any_of(made.planned->programs,
                                                          [](const auto& p) { return !p.bytes.empty(); });
  return brings || searches(options_.tuning.mode) ? std::vector<std::string>() : options_.tuning.worker;
}

void EngineBuilder::addChain(Engine::Impl& made, bool must) const {
  int& groups = made.lowered.chainGroups;
  if (groups <= 0) return;
  try {
    makeChain(made, static_cast<std::size_t>(groups));
  } catch (const Error& e) {
    if (must) throw;
    log().warn("'{}' does not run in one launch, as it did before: {}", name_, e.what());
    groups = kChainUnknown;
  }
}

// PoCL keeps programs itself, but preprocesses each before it looks. A binary skips that and costs a second
// compilation to make: little beside a search or a plan, too much without. It holds what was compiled for
// runs so far.
void EngineBuilder::savePrograms(const std::shared_ptr<Engine>& engine) {
  ProgramSet& programs = engine->impl_->programs;
  if (programs.planned() == programs.size()) return;
  const bool searched = searches(options_.tuning.mode) && tuner_;
  const bool background = stop_ != nullptr;  // PoCL lets no kernel start while it makes a binary
  if (searched) {
    if (caps_.pocl && !background) Context(engine).run(randomInputs(*engine, 0));
    tuner_->savePrograms(engine->impl().lowered);
  }
  if ((searched && !background) || !caps_.pocl) programs.save();
}

}  // namespace tessera
