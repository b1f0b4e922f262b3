/// \file
/// What lowering makes of a graph: values in layouts, storages in memory, and steps in order. Plain values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clkernels/family.hpp"
#include "tessera/graph.hpp"

namespace tessera {

/// A piece of device memory. Arena storages share one buffer by lifetime; the others have buffers of their
/// own.
struct Storage {
  enum class Kind { Arena, Input, Output, Constant } kind = Kind::Arena;
  std::string name;
  std::size_t bytes = 0;
  int firstStep = -1, lastStep = -1;  ///< Arena: steps between which it holds something
  std::size_t arenaOffset = 0;        ///< Arena: set by the memory plan
  int slot = -1;                      ///< Arena without sub-buffers: index into Lowered::slotBytes
  std::shared_ptr<const HostTensor>
      constant;  ///< Constant: what to upload; null where no kernel reads it as it is
};

/// A tensor in a layout inside a storage. One graph tensor may have several (planar and blocked).
struct Value {
  std::string name;
  TensorDesc desc;
  int storage = -1;
};

/// One operator run by one family.
struct Step {
  std::string layer;      ///< name in the source model; reformats are named after the tensor they convert
  bool reformat = false;  ///< brings a tensor into another layout; in no layer of the graph
  OpView view;
  const KernelFamily* family = nullptr;
  Tactic tactic;
  Launch launch;
  std::vector<int> inputs, outputs;  ///< value ids; -1: absent, or a constant that only packings read
  std::vector<std::shared_ptr<const HostTensor>> constants;  ///< per input; null where it is not constant
  std::vector<int> scratch;                                  ///< storage ids
};

/// A graph input or output as the host sees it: planar, dense.
struct LoweredBinding {
  std::string name;
  int value = -1;
};

/// Lowered::chainGroups where nobody has looked whether one launch is faster.
inline constexpr int kChainUnknown = -1;

struct Lowered {
  std::vector<Storage> storages;
  std::vector<Value> values;
  std::vector<Step> steps;
  std::vector<LoweredBinding> inputs, outputs;
  std::size_t arenaBytes = 0;       ///< set by the memory plan
  std::size_t activationBytes = 0;  ///< the most that values take of it at one time; the rest is for scratch
  std::vector<std::size_t>
      slotBytes;  ///< without sub-buffers: the arena as buffers that storages take in turn
  /// Work-groups of the one launch that it runs in (lower/chain.hpp); 0: a launch for each kernel.
  int chainGroups = kChainUnknown;

  /// How many counters the steps need (KernelArg::counters); they share them, so the largest number counts.
  std::size_t counters() const;
  std::string text() const;  ///< one line a step: layer, family, tactic, operands
};

/// Gives arena storages offsets so that those alive at the same time do not overlap.
void planMemory(Lowered& lowered, const DeviceCaps& device);

}  // namespace tessera
