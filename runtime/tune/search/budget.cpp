#include "tune/search/budget.hpp"

#include <algorithm>

namespace tessera {
namespace {

constexpr double kSearchShare = 0.7;    // races of whole networks, and compiling them, take the rest
constexpr double kRacesShare = 0.15;    // for all races
constexpr double kRefinedShare = 0.95;  // until which kernels take the place of others

}  // namespace

double Budget::elapsed() const {
  return first_ ? std::chrono::duration<double>(Clock::now() - *first_).count() : 0;
}

double Budget::total() const {
  if (options_.seconds > 0) return options_.seconds;
  return options_.mode == TuneMode::Full ? 600 : cpu_ ? 75 : 50;  // CPUs compile more slowly
}

double Budget::searchSeconds() const { return total() * kSearchShare; }

double Budget::raceSeconds() const {
  const double left = std::max(0.0, total() - elapsed());
  return std::min({options_.mode == TuneMode::Full ? 60.0 : 6.0, total() * kRacesShare / races_, left});
}

double Budget::refineSeconds() const { return std::max(0.0, total() * kRefinedShare - elapsed()); }

void Budget::beginSearch(double until) {
  if (!first_) first_ = Clock::now();
  begin_ = elapsed();
  end_ = std::max(begin_, searchSeconds() * until);
  fraction_ = untilFraction_;
  untilFraction_ = until;
}

double Budget::left(double share) const { return begin_ + share * (end_ - begin_) - elapsed(); }

}  // namespace tessera
