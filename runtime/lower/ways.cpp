#include "lower/ways.hpp"

#include <algorithm>
#include <cmath>

#include "lower/cost_model.hpp"

namespace tessera {
namespace {

// The model's favourite among those that count.
std::size_t favouriteOf(const std::vector<WayCost>& costs, const std::vector<bool>& counts) {
  std::size_t best = costs.size();
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (counts[i] && (best == costs.size() || costs[i].estimated() < costs[best].estimated())) best = i;
  return best;
}

std::vector<bool> thatCount(const std::vector<WayCost>& costs) {
  const bool all = std::all_of(costs.begin(), costs.end(), knownToFail);
  std::vector<bool> counts;
  for (const WayCost& cost : costs) counts.push_back(all || !knownToFail(cost));
  return counts;
}

}  // namespace

bool sameBlocks(const OpView& a, const OpView& b) {
  const auto same = [](const std::vector<TensorDesc>& x, const std::vector<TensorDesc>& y) {
    return std::ranges::equal(
        x, y, {}, [](const TensorDesc& t) { return t.layout.block; },
        [](const TensorDesc& t) { return t.layout.block; });
  };
  return same(a.inputs, b.inputs) && same(a.outputs, b.outputs);
}

void forEachWay(const OpView& base, const DeviceCaps& device,
                const std::function<void(const KernelFamily&, const BlockChoice&)>& visit) {
  for (const KernelFamily* family : familiesFor(base))
    for (const BlockChoice& choice : family->blockChoices(base, device)) visit(*family, choice);
}

std::vector<Way> waysToRun(const OpView& base, const DeviceCaps& device, const TimeSource& times) {
  std::vector<Way> ways;
  forEachWay(base, device, [&](const KernelFamily& family, const BlockChoice& choice) {
    OpView view = withBlocks(base, choice);
    if (!family.applies(view, device)) return;
    WayCost cost{0, estimateSeconds(family.cost(family.problem(view), device), device), {}};
    if (times) cost.measured = times(family, view);
    ways.push_back({&family, choice, std::move(view), cost});
  });
  return ways;
}

bool knownToFail(const WayCost& cost) { return cost.measured && std::isinf(*cost.measured); }

bool mayBeTaken(const KernelFamily& family, const OpView& op, const std::optional<double>& measured) {
  return !family.onlyMeasured(op) || measured.has_value();
}

std::vector<std::optional<double>> comparableSeconds(const std::vector<WayCost>& costs) {
  const std::vector<bool> counts = thatCount(costs);
  const std::size_t favourite = favouriteOf(costs, counts);
  std::vector<std::optional<double>> seconds(costs.size());
  const bool measured = favourite < costs.size() && costs[favourite].measured;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (!counts[i] || (measured && !costs[i].measured)) continue;
    seconds[i] = costs[i].around + (measured ? *costs[i].measured : costs[i].estimate);
  }
  return seconds;
}

std::size_t fastestWay(const std::vector<WayCost>& costs) {
  const auto seconds = comparableSeconds(costs);
  std::size_t best = favouriteOf(costs, thatCount(costs));
  for (std::size_t i = 0; i < costs.size(); ++i)
    if (seconds[i] && *seconds[i] < *seconds[best]) best = i;
  return best;
}

}  // namespace tessera
