// Engines whose shapes may change: the network at several shapes, and an engine's forms for those it is asked
// for.
#include <spdlog/logger.h>

#include <algorithm>

#include "build/engine_builder.hpp"
#include "lower/recipe.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// Probes that a profile asks for in any case; others a network may refuse, since extents can belong together.
bool isCorner(const InputShapes& shapes, const ShapeProfile& profile) {
  const auto all = [&](Shape ShapeRange::*which) {
    return std::ranges::all_of(shapes, [&](const auto& s) { return s.second == profile.at(s.first).*which; });
  };
  return all(&ShapeRange::min) || all(&ShapeRange::opt) || all(&ShapeRange::max);
}

}  // namespace

std::shared_ptr<Engine> EngineBuilder::build(const GraphSource& graphs) {
  const ShapeProfile& profile = options_.shapes;
  if (profile.empty())
    throw Error(ErrorCode::InvalidArgument,
                "no input has shapes that may change: give EngineOptions::shapes");
  checkProfile(profile);
  if (options_.tuning.mode == TuneMode::Background)
    throw Error(ErrorCode::Unsupported,
                "a search in the background is for networks of one shape, and EngineOptions::shapes has "
                "several: search first (fast), or take what is known (cached)");
  if (options_.precision == Precision::Int8 && options_.precisionChoice == PrecisionChoice::Measured)
    throw Error(
        ErrorCode::InvalidArgument,
        "which layers run in INT8 was to be measured, which is true of one shape only: shapes that change "
        "go with the rules (--precision-choice rules)");
  const Source source = prepare(graphs(probeShapes(profile).front()));
  GraphFamily family = familyOf(graphs, source);
  auto engine = buildFrom(source);
  makeForms(*engine, std::move(family));
  return engine;
}

void EngineBuilder::makeForms(Engine& engine, GraphFamily family) {
  InputShapes wanted;
  for (const auto& [name, range] : family.profile()) wanted[name] = range.opt;
  engine.impl_->family.emplace(std::move(family));
  EngineOptions options = options_;
  options.sharePrograms = nullptr;
  const auto maker = [device = device_](EngineOptions with) {
    return [device, with = std::move(with)](const Engine& main, Graph graph) {
      return EngineBuilder(device, with).form(main, std::move(graph));
    };
  };
  engine.impl_->makeForm = maker(options);
  formOf(engine, wanted);
  // Later forms come while somebody waits for them: nothing is searched for.
  if (searches(options.tuning.mode)) options.tuning.mode = TuneMode::Cached;
  engine.impl_->makeForm = maker(std::move(options));
}

GraphFamily EngineBuilder::familyOf(const GraphSource& graphs, const Source& source) const {
  const ShapeProfile& profile = options_.shapes;
  std::vector<Graph> others;
  const auto probes = probeShapes(profile);
  for (std::size_t i = 1; i < probes.size(); ++i) try {
      Source other = prepare(graphs(probes[i]));
      shareConstants(other.given.graph, source.given.graph);
      others.push_back(std::move(other.given.graph));
    } catch (const Error& e) {
      if (isCorner(probes[i], profile)) throw;
      log().debug("'{}' was not looked at with one of its shapes: {}", source.given.graph.name, e.what());
    }
  return GraphFamily::fit(source.given.graph, profile, others);
}

std::shared_ptr<Engine> EngineBuilder::form(const Engine& main, Graph graph) {
  const Engine::Impl& like = main.impl();
  name_ = like.name, description_ = like.description, precision_ = like.precision, counted_ = like.counted;
  const Network network{std::move(graph), like.precisions};
  begin(network);
  tuner_->tune(network.graph);
  auto engine = byRecipeOf(main, network, tuner_->lower(network.graph));
  return finish(std::move(engine));
}

// What is known of just these shapes goes first; else what was found for the largest: its kernels share their
// weights, too.
std::shared_ptr<Engine> EngineBuilder::byRecipeOf(const Engine& main, const Network& network, Found found) {
  if (found.sources.exact < found.sources.problems) try {
      Recipe recipe = recipeOf(main.impl().lowered);
      recipe.chainGroups = 0;  // a program of its own for each form would take its time
      Lowered lowered = lowerGraph(network.graph, caps_, recipe);
      if (tuner_->known().limit().firstAbove(lowered))
        throw Error(ErrorCode::BadCache, "its kernels are above the limit of the workspace");
      found.lowered = std::move(lowered);
      found.sources = {};
      found.sources.problems = found.sources.planned = found.lowered.steps.size();
    } catch (const Error& e) {
      if (e.code() != ErrorCode::BadCache) throw;
      log().debug("'{}' at other shapes does not run by the recipe of its largest: {}", name_, e.what());
    }
  auto engine = assemble(network, std::move(found.lowered), &main);
  engine->impl_->tuning = tuner_->report(found.sources);
  return engine;
}

}  // namespace tessera
