/// \file
/// A network as one kernel: steps in phases, and the program that runs them with meetings of all work-groups
/// in between (clkernels/chain/chain.cl).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lower/recipe.hpp"
#include "lower/step.hpp"

namespace tessera {

/// A buffer that the chain's kernel takes.
struct ChainBuffer {
  enum class Kind { Arena, Slot, Binding, Constants, Constant } kind = Kind::Arena;
  int index = 0;              ///< Slot: which; Binding: storage id
  const void* key = nullptr;  ///< Constant: ChainContent's
  bool operator==(const ChainBuffer&) const = default;
};

/// Where a constant lies in the chain's buffer of constants.
struct ChainConstant {
  const void* key = nullptr;  ///< ChainContent's
  std::size_t offset = 0, bytes = 0;
};

/// A constant buffer as the engine has it: equal keys are the same buffer.
struct ChainContent {
  const void* key = nullptr;
  std::size_t bytes = 0;
};
/// What the engine has for a constant storage (step < 0), or for a packed constant of a step.
using ChainContents = std::function<ChainContent(int step, int index)>;

struct Chain {
  KernelCall call;  ///< what is compiled; `buffers`, then the sync buffer and an int are its arguments
  std::vector<ChainBuffer> buffers;
  std::vector<ChainConstant> constants;
  std::size_t constantBytes = 0;
  std::size_t syncWords = 0;  ///< of the sync buffer, zeros at first
  std::size_t timesAt = 0;    ///< the word of it from which on the device's clock is kept, two words a time
  std::size_t items = 0;      ///< of a work-group
  /// Groups that the work of a phase is shared out to, who take from each other when they are through (PoCL
  /// on CPUs); 0: groups meet, and must be on the device together.
  std::size_t shares = 0;
  std::size_t takenAt = 0;  ///< the word of the sync buffer from which on it is kept who has taken what
  std::size_t kernels = 0;
  std::vector<std::string> phases;  ///< the layers of each
};

/// How a network is to run in one launch, untuned: layouts by planning, since a change of layout costs a
/// meeting there and not a launch, and tactics for work-groups that are few and stay on their units.
Recipe chainRecipe(const Graph& graph, const DeviceCaps& device);

/// Whether work-groups of a device can wait for each other.
Verdict canChain(const DeviceCaps& device);

/// When a step runs.
struct StepPhases {
  std::vector<int> calls;  ///< the phase of each
  /// The step of the same phase whose result it adds, each item what it wrote itself: it runs behind that
  /// one, tile by tile on the same work-groups. -1: there is none.
  int behind = -1;
};

/// Whether step b, which adds the result of step a and lies like it, finds on each work-group what it needs.
using SameGroups = std::function<bool(int a, int b)>;

/// The steps of `lowered` that may run at the same time.
std::vector<StepPhases> phasesOf(const Lowered& lowered, const SameGroups& sameGroups = {});

/// Throws Error(Unsupported) that says which step can not be part of a chain, and why.
Chain composeChain(const Lowered& lowered, const DeviceCaps& device, const ChainContents& contents);

}  // namespace tessera
