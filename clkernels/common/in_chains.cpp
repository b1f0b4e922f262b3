// Families as steps of a network in one launch.
#include "clkernels/common/in_chains.hpp"

namespace tessera {

Tactic chainedTactic(const KernelFamily& family, const Problem& problem, const DeviceCaps& device) {
  const auto* inChains = dynamic_cast<const InChains*>(&family);
  if (inChains)
    if (auto tactic = inChains->chained(problem, device)) return *std::move(tactic);
  return family.fallback(problem, device);
}

Verdict offersInChains(const KernelFamily& family, const OpView& op) {
  const auto* inChains = dynamic_cast<const InChains*>(&family);
  return inChains ? inChains->offersInChains(op) : Verdict::yes();
}

bool addsInPlace(const KernelFamily& family) {
  const auto* inChains = dynamic_cast<const InChains*>(&family);
  return inChains && inChains->addsInPlace();
}

}  // namespace tessera
