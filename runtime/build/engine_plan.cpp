// Engines into plans and back.
#include <spdlog/logger.h>

#include <algorithm>

#include "base/read_file.hpp"
#include "build/engine_builder.hpp"
#include "build/self_check.hpp"
#include "exec/engine_impl.hpp"
#include "exec/weights.hpp"
#include "lower/memory_need.hpp"
#include "lower/recipe.hpp"
#include "ops/operator.hpp"
#include "plan/plan.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// The network as it is, without a device.
Plan portableOf(const Engine::Impl& impl) {
  Plan plan;
  plan.name = impl.name;
  plan.precision = impl.precision;
  plan.description = impl.description;
  plan.graph = impl.graph;
  plan.precisions = impl.precisions;
  plan.counted = impl.counted;
  if (impl.family) plan.shapes = impl.family->profile(), plan.rules = impl.family->rules();
  return plan;
}

// After a run: what PoCL compiles for one goes into its programs.
PlanDevice planDevice(const Engine::Impl& impl, const SaveOptions& options) {
  PlanDevice device;
  device.fingerprint = impl.caps.fingerprint();
  device.recipe = recipeOf(impl.lowered).text();
  device.features = featuresOf(impl.caps);
  const auto& layers = impl.graph.layers();
  if (std::ranges::any_of(layers, [](const Layer& l) { return traitsOf(l.op).quantised(); }))
    device.dot4 = toString(impl.caps.dot4);
  device.parts.programs = impl.programs.binaries(options.programs);
  if (options.weights) device.parts.weights = packedWeights(impl);
  return device;
}

}  // namespace

void savePlan(const Engine& engine, const std::filesystem::path& file, const SaveOptions& options) {
  const Engine::Impl& impl = engine.impl();
  Plan plan = portableOf(impl);
  if (!impl.golden || impl.programs.planned() < impl.programs.size()) plan.golden = makeGolden(engine);
  if (impl.golden) plan.golden = *impl.golden;
  plan.devices.push_back(planDevice(impl, options));
  writePlan(file, plan);
}

void appendToPlan(const Engine& engine, const std::filesystem::path& file, const SaveOptions& options) {
  const Engine::Impl& impl = engine.impl();
  Plan plan = readPlan(file);
  if (!sameNetwork(portableOf(impl), plan))
    throw Error(ErrorCode::BadCache, "the plan " + file.string() + " is not of this network '" + impl.name +
                                         "' in " + std::string(toString(impl.precision)));
  compareWithGolden(engine, plan.golden);
  PlanDevice own = planDevice(impl, options);
  std::erase_if(plan.devices, [&](const PlanDevice& d) { return d.fingerprint == own.fingerprint; });
  plan.devices.push_back(std::move(own));
  writePlan(file, plan);
}

std::optional<SelfCheck> selfCheck(const Engine& engine) {
  const auto& golden = engine.impl().golden;
  if (!golden) return std::nullopt;
  return compareWithGolden(engine, *golden);
}

std::shared_ptr<const Engine> Engine::load(const std::filesystem::path& file, const Device& device,
                                           const TuneOptions& tuning) {
  return loadPlan(file, device, tuning);
}

std::shared_ptr<const Engine> loadPlan(const std::filesystem::path& file, const Device& device,
                                       const TuneOptions& tuning, PlanUse use) {
  EngineOptions options;
  options.tuning = tuning;
  Plan plan = readPlan(file, device.caps().fingerprint());
  const auto mapped = plan.file;
  const auto constants = plan.constants;
  auto engine = EngineBuilder(device, options).load(std::move(plan), use, whyForeign(file));
  mapped->release(constants);  // what the device wants of them is there; whoever looks reads them again
  return engine;
}

std::shared_ptr<Engine> EngineBuilder::load(Plan plan, PlanUse use, const std::string& foreign) {
  name_ = plan.name;
  precision_ = plan.precision;
  description_ = plan.description;
  counted_ = plan.counted;
  requireMemory(plan.graph, device_.caps());
  PlanFit fit = fitOf(plan, device_, WorkspaceLimit(options_.tuning.workspaceLimit));
  const Network network{std::move(plan.graph), std::move(plan.precisions)};
  std::shared_ptr<Engine> engine;
  if (use == PlanUse::All) engine = byPlan(network, std::move(fit), foreign);
  const bool known = engine != nullptr;
  if (!known) engine = chosenFor(network);
  engine->impl_->golden = std::make_shared<Golden>(std::move(plan.golden));
  engine = finish(std::move(engine));
  if (!known) selfCheck(*engine);
  if (!plan.shapes.empty())
    makeForms(*engine, GraphFamily(engine->graph(), std::move(plan.shapes), std::move(plan.rules)));
  return plan.shapes.empty() && !known ? searchedOn(std::move(engine)) : engine;
}

std::shared_ptr<Engine> EngineBuilder::byPlan(const Network& network, PlanFit fit,
                                              const std::string& foreign) {
  if (!fit.section) {
    log().warn("the plan of '{}' has no section that {} can use, and its kernels are chosen anew: {}", name_,
               device_.caps().name, fit.why);
    return nullptr;
  }
  caps_ = fit.caps;
  auto parts = std::make_shared<PlannedParts>(fit.section->parts);
  if (!foreign.empty()) {
    log().warn("the programs in the plan of '{}' are not used but compiled anew: {}", name_, foreign);
    for (ProgramBinary& program : parts->programs) program.bytes = {};
  }
  planned_ = parts;
  const std::size_t steps = fit.lowered->steps.size();
  std::shared_ptr<Engine> engine;
  try {
    engine = assemble(network, std::move(*fit.lowered));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::DeviceError && e.code() != ErrorCode::Unsupported) throw;
    log().warn("the kernels in the plan of '{}' do not come about on {}, and others are chosen: {}", name_,
               device_.caps().name, e.what());
    planned_ = nullptr;
    return nullptr;
  }
  engine->impl_->tuning.problems = engine->impl_->tuning.planned = steps;
  const ProgramSet& programs = engine->impl().programs;
  const bool brings = std::ranges::any_of(parts->programs, [](const auto& p) { return !p.bytes.empty(); });
  if (brings && programs.planned() < programs.size())
    log().warn("{} of the {} programs of '{}' are compiled anew: the plan's do not fit this build or driver",
               programs.size() - programs.planned(), programs.size(), name_);
  return engine;
}

void Engine::save(const std::filesystem::path& file) const { savePlan(*this, file); }
void Engine::appendTo(const std::filesystem::path& file) const { appendToPlan(*this, file); }

}  // namespace tessera
