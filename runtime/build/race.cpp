#include "build/race.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "tessera/context.hpp"
#include "tessera/log.hpp"
#include "tune/search/tactic_search.hpp"

namespace tessera {
namespace {

constexpr double kBehind = 1.2;   // times the leader's: will not catch up,
constexpr std::size_t kSure = 4;  // after so many rounds: before, a few stalls may be all that was seen
// Of two equals, wins that exceed half by so many root rounds are luck once in twenty (1.645 / 2).
constexpr double kLuck = 0.82;

class Rounds {
 public:
  Rounds(std::size_t contestants, const std::function<double(std::size_t)>& run, double close)
      : run_(run), close_(close), rounds_(contestants), runs_(contestants), out_(contestants) {}

  // Seconds that it took.
  double once() {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < rounds_.size(); ++i)
      if (!out_[i]) order.push_back(i);
    std::shuffle(order.begin(), order.end(), random_);
    const std::vector<std::size_t> back(order.rbegin(), order.rend());
    order.insert(order.end(), back.begin(), back.end());
    std::vector<double> times(rounds_.size());
    for (const std::size_t i : order) {
      runs_[i].push_back(run_(i));
      times[i] += runs_[i].back();
    }
    for (const std::size_t i : back) rounds_[i].push_back(times[i]);
    ++count_;
    double total = 0;
    for (const double t : times) total += t;
    return total * 1e-3;
  }

  void dropThoseBehind() {
    const std::size_t leader = winner();
    const double slowest = *std::max_element(rounds_[leader].begin(), rounds_[leader].end());
    for (std::size_t i = 0; i < rounds_.size(); ++i)
      if (*std::min_element(rounds_[i].begin(), rounds_[i].end()) > kBehind * slowest) out_[i] = true;
  }

  std::size_t winner() const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < rounds_.size(); ++i)
      if (beats(i, best)) best = i;
    return best;
  }

  std::size_t count() const { return count_; }
  double typical(std::size_t i) const { return typicalTime(runs_[i]); }

 private:
  // By the median of the rounds in which both ran, and in so many of them that luck does not explain it.
  bool beats(std::size_t i, std::size_t other) const {
    std::vector<double> ratios;
    for (std::size_t r = 0; r < std::min(rounds_[i].size(), rounds_[other].size()); ++r)
      ratios.push_back(rounds_[i][r] / rounds_[other][r]);
    std::sort(ratios.begin(), ratios.end());
    const std::size_t n = ratios.size();
    const double median = (ratios[(n - 1) / 2] + ratios[n / 2]) / 2;
    const auto faster =
        static_cast<double>(std::lower_bound(ratios.begin(), ratios.end(), 1.0) - ratios.begin());
    const auto all = static_cast<double>(n);
    return median < close_ && faster >= std::min(all, all / 2 + kLuck * std::sqrt(all));
  }

  const std::function<double(std::size_t)>& run_;
  double close_;
  std::vector<std::vector<double>> rounds_, runs_;  // milliseconds, per contestant
  std::vector<bool> out_;
  std::size_t count_ = 0;
  std::mt19937 random_{1};
};

}  // namespace

Race race(std::size_t contestants, const std::function<double(std::size_t)>& run, const RaceLimits& limits) {
  if (contestants == 1) return {0, {1}};
  Rounds rounds(contestants, run, limits.close);
  double seconds = 0;
  while (rounds.count() < limits.leastRounds ||
         (rounds.count() < limits.mostRounds && seconds < limits.seconds)) {
    seconds += rounds.once();
    if (rounds.count() >= kSure) rounds.dropThoseBehind();
  }
  Race result{rounds.winner(), {}};
  for (std::size_t i = 0; i < contestants; ++i) {
    result.milliseconds.push_back(rounds.typical(i));
    log().debug("variant {}: {:.3f} ms{}", i, result.milliseconds[i], i == result.winner ? ", taken" : "");
  }
  return result;
}

Race race(const std::vector<std::shared_ptr<Engine>>& engines, const RaceLimits& limits) {
  if (engines.size() == 1) return {0, {1}};
  using Clock = std::chrono::steady_clock;
  std::vector<Context> contexts;
  for (const auto& engine : engines) contexts.emplace_back(engine).execute();  // warms up
  const auto run = [&](std::size_t i) {
    const auto begin = Clock::now();
    contexts[i].execute();
    return std::chrono::duration<double>(Clock::now() - begin).count() * 1e3;
  };
  return race(contexts.size(), run, limits);
}

}  // namespace tessera
