/// \file
/// How an engine comes about: a network in its precision, tuned, raced and assembled.
#pragma once

#include <atomic>
#include <memory>

#include "build/int8_networks.hpp"
#include "build/plan_fit.hpp"
#include "build/refine.hpp"
#include "exec/engine_impl.hpp"
#include "plan/plan.hpp"
#include "tessera/plan.hpp"
#include "tune/tuner.hpp"

namespace tessera {

/// Builds the engine of one network; serves Engine::build().
class EngineBuilder {
 public:
  EngineBuilder(const Device& device, const EngineOptions& options) : device_(device), options_(options) {}
  std::shared_ptr<Engine> build(Graph graph);
  /// The engine of a network whose shapes may change.
  std::shared_ptr<Engine> build(const GraphSource& source);
  /// The engine of a plan; serves Engine::load(). `foreign`: why the plan's programs are not to be trusted;
  /// empty: they are.
  std::shared_ptr<Engine> load(Plan plan, PlanUse use, const std::string& foreign);
  /// The same network as `main`, searched for; they share weights and programs. Throws Error(DeviceError)
  /// soon after `stop` was set.
  std::shared_ptr<Engine> faster(const Engine& main, const std::atomic<bool>& stop);

 private:
  /// The optimised graph, and with INT8 the networks that a calibration gives.
  struct Source {
    Network given;  ///< by the rules
    std::optional<Int8Networks> int8;
    std::vector<CountedOutput> counted;
  };
  Source prepare(Graph graph) const;
  Int8Networks toInt8(const Graph& graph, const Calibration* own) const;
  /// Looks up what is known on the device.
  void begin(const Network& network);
  /// By the section that the plan has for this device; null, with a warning, where it has none that fits.
  std::shared_ptr<Engine> byPlan(const Network& network, PlanFit fit, const std::string& foreign);
  /// With kernels chosen anew for a network that is as it is to be.
  std::shared_ptr<Engine> chosenFor(const Network& network);
  std::shared_ptr<Engine> finish(std::shared_ptr<Engine> engine);
  std::shared_ptr<Engine> buildFrom(const Source& source);
  /// Throws where instructions that it was to use are found to be wrong.
  std::shared_ptr<Engine> buildOnce(const Source& source);
  /// The network at every shape of `profile`, from its largest in `source`.
  GraphFamily familyOf(const GraphSource& graphs, const Source& source) const;
  /// Lets the engine of a family's largest network make the forms of others.
  void makeForms(Engine& engine, GraphFamily family);
  /// The form of `main` for `graph`, tuned as the options say.
  std::shared_ptr<Engine> form(const Engine& main, Graph graph);
  std::shared_ptr<Engine> byRecipeOf(const Engine& main, const Network& network, Found found);
  std::optional<Recipe> recipeOfAlike(const Network& network) const;
  /// The engine whose buffers of weights may be used where they are equal; null: none.
  const Engine::Impl* sharingWeights() const;
  /// Tunes a network, lets its variants race where there is something to decide, and builds the fastest.
  std::shared_ptr<Engine> fastest(const Network& network);
  /// The fastest of a network's variants, and where its tactics came from.
  std::pair<std::shared_ptr<Engine>, TacticSources> race(const Network& network,
                                                         const std::vector<Tuner::Variant>& variants);
  /// By what is on record, or, with a warning, untuned where that fails.
  std::pair<std::shared_ptr<Engine>, TacticSources> byRecords(const Network& network);
  /// Where it may run in one launch, what does so if that is faster or asked for; else `engine`.
  std::shared_ptr<Engine> inOneLaunch(const Network& network, std::shared_ptr<Engine> engine);
  /// How the network is to run in one launch, where it runs in launches of `steps`.
  Lowered loweredForChain(const Network& network, const Lowered& steps) const;
  /// Processes to compile kernels ahead with (TuneOptions::worker); none where there is nothing to gain.
  std::vector<std::string> workersFor(const Engine::Impl& made) const;
  /// Makes the chain that the lowered network wants.
  void addChain(Engine::Impl& made, bool must) const;
  AssembleLike assembleLike(const Network& network) const;
  /// Programs, weights and memory of a lowered network. `like`: an engine of the same network, with which
  /// programs and weights are shared; null for none.
  /// `mustChain`: throws Error(Unsupported) where it does not run in the one launch that `lowered` wants;
  /// else a warning says so.
  std::shared_ptr<Engine> assemble(const Network& network, Lowered lowered, const Engine* like = nullptr,
                                   bool mustChain = false) const;
  void savePrograms(const std::shared_ptr<Engine>& engine);
  /// Where it is asked for, lets a thread look for a faster engine from now on: the last that is done to it.
  std::shared_ptr<Engine> searchedOn(std::shared_ptr<Engine> engine) const;

  const Device& device_;
  const EngineOptions& options_;
  DeviceCaps caps_;
  std::string name_, description_;
  Precision precision_ = Precision::Fp32;
  std::vector<CountedOutput> counted_;           ///< outputs whose length depends on values
  std::shared_ptr<const PlannedParts> planned_;  ///< for this device, where the network comes from a plan
  const Engine* like_ = nullptr;                 ///< what assembled ones share weights and programs with
  const std::atomic<bool>* stop_ = nullptr;      ///< ends all of it; null: nothing does
  std::optional<Tuner> tuner_;                   ///< none for a network that its plan knows how to run
};

}  // namespace tessera
