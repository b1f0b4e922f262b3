/// \file
/// The ways to run a layer, and which of them counts: the one list and the one rule that choosing a recipe,
/// planning layouts and tuning share.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "clkernels/family.hpp"

namespace tessera {

/// Measured seconds of a pass, where they are known; infinite where it is known to fail. The tuner provides
/// them, untuned runs estimate.
using TimeSource = std::function<std::optional<double>(const KernelFamily&, const OpView&)>;

/// Seconds that a way costs.
struct WayCost {
  double around = 0;               ///< reformats that it causes
  double estimate = 0;             ///< of its own, by the cost model
  std::optional<double> measured;  ///< of its own, as measured; infinite where it is known to fail

  double estimated() const { return around + estimate; }
};

/// A family in one of its layouts, operands dense.
struct Way {
  const KernelFamily* family = nullptr;  ///< null: the layer is a view and needs no kernel
  BlockChoice blocks;
  OpView view;  ///< the operator in these blocks
  WayCost cost;
};

/// Whether operands lie in the same channel blocks.
bool sameBlocks(const OpView& a, const OpView& b);

/// Every family of the operator in every layout that it offers for `base`, most specialised first. Whether it
/// applies is still to be asked.
void forEachWay(const OpView& base, const DeviceCaps& device,
                const std::function<void(const KernelFamily&, const BlockChoice&)>& visit);

/// Those of forEachWay() that apply, with their costs. `times` may be empty.
std::vector<Way> waysToRun(const OpView& base, const DeviceCaps& device, const TimeSource& times = {});

bool knownToFail(const WayCost& cost);

/// Whether a way may be taken: some families are trusted only where they have been measured.
bool mayBeTaken(const KernelFamily& family, const OpView& op, const std::optional<double>& measured);

/// Seconds by which ways are compared; none for those that do not count. What is known to fail counts only
/// where everything fails. Measured times are compared with measured ones only: where the model's favourite
/// has none, its estimates decide.
std::vector<std::optional<double>> comparableSeconds(const std::vector<WayCost>& costs);

/// The fastest by comparableSeconds(), the model's favourite among equals; `costs` is not empty.
std::size_t fastestWay(const std::vector<WayCost>& costs);

}  // namespace tessera
