/// \file
/// What an engine holds.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "cl/program.hpp"
#include "exec/background.hpp"
#include "exec/chain_launch.hpp"
#include "exec/counted_outputs.hpp"
#include "exec/planned.hpp"
#include "graph/graph_family.hpp"
#include "lower/step.hpp"
#include "tessera/engine.hpp"

namespace tessera {

/// What the network of a plan computed when the plan was made (runtime/plan/plan.hpp).
struct Golden;

struct Engine::Impl {
  Impl(const Device& d, const DeviceCaps& c) : device(d), caps(c), programs(d) {}

  Device device;
  DeviceCaps caps;  ///< that the network was lowered for
  std::string name, description;
  Precision precision = Precision::Fp32;
  Graph graph;  ///< what was lowered; its constants are those of the lowered network
  Lowered lowered;
  ProgramSet programs;
  std::vector<Binding> bindings;
  std::vector<int> bindingStorage;              ///< storage id per binding
  std::vector<CountedOutput> counted;           ///< outputs whose length depends on values
  std::shared_ptr<const PlannedParts> planned;  ///< what a plan brought for this device; null: nothing
  std::vector<cl::Buffer> constants;            ///< per storage; null handles for the others
  std::vector<std::vector<cl::Buffer>> packed;  ///< per step, per packed constant
  /// Buffers of constants by what lies in them: layers and engines share equal ones.
  std::map<ContentHash, cl::Buffer> weights;
  /// What was made of which constants, which the lowered network holds, so that engines of one network need
  /// not pack again. By packingKey(); empty for a constant as it is.
  std::map<std::pair<std::string, std::vector<const HostTensor*>>, ContentHash> packings;
  std::optional<ChainLaunch> chain;  ///< where it runs in one launch
  std::vector<LayerInfo> layers;
  std::vector<LayerPrecision> precisions;
  MemoryUse memory;
  TuneReport tuning;
  bool untuned = false;                  ///< kernels were chosen by what their layers are alone
  std::size_t plannedWeights = 0;        ///< packed constants that came from a plan
  std::shared_ptr<const Golden> golden;  ///< of the plan that it came from; null: from none

  // Engines whose shapes may change. The engine itself is of the largest; of others it makes a form each: an
  // engine of its own, which shares weights and programs, and which this one keeps.
  std::optional<GraphFamily> family;
  /// Builds a form from the network at its shapes; `main` is this engine.
  std::function<std::shared_ptr<const Engine>(const Engine& main, Graph graph)> makeForm;
  mutable std::mutex formsMutex;
  mutable std::map<InputShapes, std::shared_ptr<const Engine>> forms;

  std::unique_ptr<Background> background;  ///< a search that goes on; null: none was asked for

  int bindingIndex(std::string_view bindingName) const;
};

/// The engine that runs `main`'s network at these shapes; null: `main` itself. `shapes` has every input of
/// the profile. Made at the first request, by one thread at a time. Throws as GraphFamily::at() and
/// Engine::build() do.
std::shared_ptr<const Engine> formOf(const Engine& main, const InputShapes& shapes);

}  // namespace tessera
