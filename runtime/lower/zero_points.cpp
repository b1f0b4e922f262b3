// Codes of one-sided tensors: the whole range between the least value and the threshold.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "lower/precision.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Of the threshold: a tensor that reaches nearly as far below 0 as above gains nothing by a zero point.
constexpr double kLowest = 0.8;

// Tensors that have one zero point: those that share a scale, and members of a concat, which layers read as
// one.
class ZeroGroups {
 public:
  ZeroGroups(const Graph& graph, const Calibration& calibration, const Int8Plan& plan)
      : graph_(graph), calibration_(calibration), plan_(plan), parent_(graph.tensors().size()) {
    std::iota(parent_.begin(), parent_.end(), 0);
    for (std::size_t t = 0; t < parent_.size(); ++t) join(static_cast<TensorId>(t), plan.group[t]);
    for (const auto& [concat, members] : plan.members)
      for (const TensorId member : members) join(concat, member);
  }

  /// Per tensor: how far its group reaches below 0 as a share of how far it reaches above; more than 1 where
  /// that is not known.
  std::vector<double> ratios() {
    std::vector<double> ratio(parent_.size(), 0);
    const auto raise = [&](TensorId id, double to) {
      double& group = ratio[static_cast<std::size_t>(root(id))];
      group = std::max(group, to);
    };
    for (std::size_t t = 0; t < parent_.size(); ++t)
      if (!plan_.members.count(static_cast<TensorId>(t))) raise(static_cast<TensorId>(t), ratioOf(t));
    for (std::size_t i = 0; i < graph_.layers().size(); ++i)  // their 0 is none of a zero point's
      if (plan_.roles[i] == Int8Role::Moving && fillsZeros(graph_.layers()[i].op))
        for (const TensorId id : graph_.layers()[i].outputs) raise(id, 2);
    for (std::size_t t = 0; t < parent_.size(); ++t)
      ratio[t] = ratio[static_cast<std::size_t>(root(static_cast<int>(t)))];
    return ratio;
  }

 private:
  double ratioOf(std::size_t t) const {
    const auto least = calibration_.least.find(graph_.tensors()[t].name);
    if (least == calibration_.least.end() || !(plan_.scales[t] > 0)) return 2;
    return -static_cast<double>(least->second) / (static_cast<double>(plan_.scales[t]) * 127);
  }
  int root(int i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(int a, int b) { parent_[root(a)] = root(b); }

  const Graph& graph_;
  const Calibration& calibration_;
  const Int8Plan& plan_;
  std::vector<int> parent_;
};

}  // namespace

void placeZeros(const Graph& graph, const Calibration& calibration, Int8Plan& plan) {
  if (calibration.partial || calibration.least.empty()) return;
  const std::vector<double> ratios = ZeroGroups(graph, calibration, plan).ratios();
  std::vector<std::int64_t> zeros(ratios.size(), 0);
  for (std::size_t t = 0; t < ratios.size(); ++t) {
    if (ratios[t] > kLowest) continue;
    zeros[t] = -128 + std::llrint(255 * ratios[t] / (1 + ratios[t]));
    plan.scales[t] =
        static_cast<float>(static_cast<double>(plan.scales[t]) * 127 / static_cast<double>(127 - zeros[t]));
  }
  if (std::ranges::any_of(zeros, [](std::int64_t zero) { return zero != 0; })) plan.zeros = std::move(zeros);
}

}  // namespace tessera
