// Heuristics first, then random members and neighbours of the best.
#include "tune/search/tactic_search.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <random>

namespace tessera {
namespace {

class Search {
 public:
  Search(const TacticSpace& space, const Measure& measure, const SearchOptions& options)
      : space_(space), measure_(measure), options_(options), random_(options.seed) {}

  SearchResult run(const std::vector<Tactic>& first) {
    std::vector<Tactic> batch;
    for (const Tactic& tactic : first) {
      if (space_.contains(tactic) || first.size() == 1) offer(batch, tactic);
      if (batch.size() == options_.batch) flush(batch);
    }
    flush(batch);
    while (!stop()) {
      fill(batch);
      if (batch.empty()) break;  // nothing left to try
      flush(batch);
    }
    playOff();
    return std::move(result_);
  }

 private:
  bool stop() const {
    return result_.tried.size() >= options_.most || sinceProgress_ >= options_.patience ||
           options_.outOfTime();
  }

  double best() const { return result_.best < 0 ? 0 : result_.tried[result_.best].trial.milliseconds; }

  bool offer(std::vector<Tactic>& batch, const Tactic& tactic) {
    if (!seen_.insert(tactic.text()).second || options_.bad.count(tactic.text())) return false;
    if (!programs_.insert(options_.identity(tactic)).second) return false;
    batch.push_back(tactic);
    return true;
  }

  void flush(std::vector<Tactic>& batch) {
    if (batch.empty() || stop()) return;
    batch.resize(std::min(batch.size(), options_.most - result_.tried.size()));
    const auto trials = measure_(batch, best());
    for (std::size_t i = 0; i < trials.size(); ++i) {
      result_.tried.push_back({batch[i], trials[i]});
      ++sinceProgress_;
      const Trial& trial = trials[i];
      if (trial.outcome != Trial::Outcome::Good) continue;
      if (result_.best >= 0 && trial.milliseconds >= best() * kTie) continue;
      result_.best = static_cast<int>(result_.tried.size()) - 1;
      sinceProgress_ = 0;
    }
    batch.clear();
  }

  // Half neighbours of the best, half random members.
  void fill(std::vector<Tactic>& batch) {
    if (result_.best >= 0) {
      auto near = neighbours(space_, result_.tried[result_.best].tactic);
      std::shuffle(near.begin(), near.end(), random_);
      if (options_.expected)
        std::stable_sort(near.begin(), near.end(), [&](const Tactic& a, const Tactic& b) {
          return options_.expected(a) < options_.expected(b);
        });
      for (const Tactic& tactic : near)
        if (batch.size() < (options_.batch + 1) / 2) offer(batch, tactic);
    }
    for (int attempt = 0; attempt < 200 && batch.size() < options_.batch; ++attempt)
      if (const auto tactic = randomMember()) offer(batch, *tactic);
  }

  std::optional<Tactic> randomMember() {
    if (space_.empty()) return std::nullopt;
    std::optional<Tactic> chosen;
    for (int draw = 0; draw < (options_.expected ? 4 : 1); ++draw)
      for (int attempt = 0; attempt < 100; ++attempt) {
        Tactic tactic;
        for (const auto& parameter : space_.parameters)
          tactic.set(parameter.name, parameter.values[random_() % parameter.values.size()]);
        if (!space_.contains(tactic) || seen_.count(tactic.text())) continue;
        if (!chosen || options_.expected(tactic) < options_.expected(*chosen)) chosen = tactic;
        break;
      }
    return chosen;
  }

  // The fastest few and the first good one once more, each alone: a time that noise flattered does not win.
  // Nor does one that was not in the first play-off and looks better than its winner now: then there is
  // another.
  void playOff() {
    std::set<int> again;  // plainer ones first
    for (int i = 0; i < static_cast<int>(result_.tried.size()) && again.empty(); ++i)
      if (good(i)) again.insert(i);
    if (again.empty()) return;
    constexpr int kPlayOffs = 3;
    constexpr std::size_t kLeaders = 3;
    for (int round = 0; round < kPlayOffs; ++round) {
      const double beat = round == 0 ? std::numeric_limits<double>::max() : best() * kTie;
      std::vector<int> leaders;
      for (int i = 0; i < static_cast<int>(result_.tried.size()); ++i)
        if (good(i) && milliseconds(i) < beat && (round == 0 || !again.count(i))) leaders.push_back(i);
      std::stable_sort(leaders.begin(), leaders.end(),
                       [&](int a, int b) { return milliseconds(a) < milliseconds(b); });
      leaders.resize(std::min(leaders.size(), kLeaders));
      if (round == 0 ? leaders.size() < 2 : leaders.empty()) return;
      leaders.push_back(round == 0 ? *again.begin() : result_.best);
      std::sort(leaders.begin(), leaders.end());
      leaders.erase(std::unique(leaders.begin(), leaders.end()), leaders.end());
      if (!measureAgain(leaders)) return;
      again.insert(leaders.begin(), leaders.end());
      result_.best = -1;
      for (const int i : again)
        if (good(i) && (result_.best < 0 || milliseconds(i) < best() * kTie)) result_.best = i;
      if (result_.best < 0) return;
    }
  }

  bool measureAgain(const std::vector<int>& tried) {
    std::vector<Tactic> tactics;
    for (const int i : tried) tactics.push_back(result_.tried[i].tactic);
    const auto trials = measure_(tactics, 0);
    if (trials.size() != tactics.size()) return false;
    for (std::size_t i = 0; i < trials.size(); ++i) result_.tried[tried[i]].trial = trials[i];
    return true;
  }

  bool good(int i) const { return result_.tried[i].trial.outcome == Trial::Outcome::Good; }
  double milliseconds(int i) const { return result_.tried[i].trial.milliseconds; }

  const TacticSpace& space_;
  const Measure& measure_;
  const SearchOptions& options_;
  std::mt19937 random_;
  SearchResult result_;
  std::set<std::string> seen_, programs_;
  std::size_t sinceProgress_ = 0;
};

}  // namespace

double typicalTime(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 4];
}

std::vector<Tactic> neighbours(const TacticSpace& space, const Tactic& tactic) {
  const auto moved = [&](const Tactic& from, std::size_t parameter, int step) -> std::optional<Tactic> {
    const auto& [name, values] = space.parameters[parameter];
    const auto at = std::find(values.begin(), values.end(), from.get(name));
    if (at == values.end()) return std::nullopt;
    const auto index = (at - values.begin()) + step;
    if (index < 0 || index >= static_cast<std::ptrdiff_t>(values.size())) return std::nullopt;
    Tactic to = from;
    to.set(name, values[index]);
    return to;
  };
  std::vector<Tactic> near;
  const auto add = [&](const std::optional<Tactic>& t) {
    if (t && space.contains(*t)) near.push_back(*t);
  };
  for (std::size_t i = 0; i < space.parameters.size(); ++i)
    for (const int a : {1, -1}) {
      const auto one = moved(tactic, i, a);
      if (!one) continue;
      add(one);
      for (std::size_t j = i + 1; j < space.parameters.size(); ++j)
        for (const int b : {1, -1}) add(moved(*one, j, b));
    }
  return near;
}

SearchResult searchTactics(const TacticSpace& space, const std::vector<Tactic>& first, const Measure& measure,
                           const SearchOptions& options) {
  return Search(space, measure, options).run(first);
}

}  // namespace tessera
