/// \file
/// What families know about being a step of a network in one launch (lower/chain.hpp).
#pragma once

#include <optional>

#include "clkernels/family.hpp"

namespace tessera {

/// Work-items that a compute unit has at a time where a network runs in one launch, as far as one may count
/// on.
inline constexpr int kChainItemsPerUnit = 256;

/// A base beside KernelFamily, for those that have something to say.
class InChains {
 public:
  virtual ~InChains() = default;
  /// The tactic, untuned, where work-groups are few and stay on their units. The default: the family's own.
  virtual std::optional<Tactic> chained(const Problem&, const DeviceCaps&) const { return std::nullopt; }
  /// Whether it is worth being offered there.
  virtual Verdict offersInChains(const OpView&) const { return Verdict::yes(); }
  /// Whether every item reads of the residual just what it writes of the result, so that both may be one
  /// buffer: of two such layers that lie alike the second may add what the first wrote with nothing in
  /// between.
  virtual bool addsInPlace() const { return false; }
};

/// The family's tactic in a chain.
Tactic chainedTactic(const KernelFamily& family, const Problem& problem, const DeviceCaps& device);
/// Whether the family is offered in a chain.
Verdict offersInChains(const KernelFamily& family, const OpView& op);
/// Whether the family says so (InChains::addsInPlace).
bool addsInPlace(const KernelFamily& family);

}  // namespace tessera
