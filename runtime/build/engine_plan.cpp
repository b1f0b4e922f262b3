// Engines into plans.
#include <algorithm>

#include "build/self_check.hpp"
#include "exec/engine_impl.hpp"
#include "exec/weights.hpp"
#include "lower/recipe.hpp"
#include "ops/operator.hpp"
#include "plan/plan.hpp"

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

void Engine::save(const std::filesystem::path& file) const { savePlan(*this, file); }
void Engine::appendTo(const std::filesystem::path& file) const { appendToPlan(*this, file); }

}  // namespace tessera
