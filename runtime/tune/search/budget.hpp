/// \file
/// The time that tuning a network may take, and how it is shared out.
#pragma once

#include <chrono>
#include <optional>

#include "tessera/device.hpp"
#include "tessera/tuning.hpp"

namespace tessera {

/// 70 % of the budget are for searches, 15 % for races of whole networks, the rest for compiling them and for
/// kernels that take the place of others.
class Budget {
 public:
  Budget(const DeviceCaps& caps, const TuneOptions& options) : cpu_(caps.isCpu()), options_(options) {}

  double total() const;          ///< seconds for everything
  double searchSeconds() const;  ///< of these, for searches
  double raceSeconds() const;    ///< for one race of whole networks
  double refineSeconds() const;  ///< left for kernels in the place of others
  void shareRaces(int races) { races_ = races; }

  /// Seconds since the first search began; 0 before.
  double elapsed() const;
  /// A search that ends with that share of the searches' time.
  void beginSearch(double until);
  bool over(double share) const {
    return left(share) < 0;
  }                                 ///< whether that share of the current search's time is
  double left(double share) const;  ///< seconds until then
  double searchBegan() const { return begin_; }
  double searchEnds() const { return end_; }
  /// How far a part of the current search is in all that is to be searched.
  double whole(double fraction) const { return fraction_ + fraction * (untilFraction_ - fraction_); }

 private:
  using Clock = std::chrono::steady_clock;
  bool cpu_;
  const TuneOptions& options_;
  int races_ = 1;  // that share the part for them
  std::optional<Clock::time_point> first_;
  double begin_ = 0, end_ = 0;  // of the current search
  double fraction_ = 0, untilFraction_ = 0;
};

}  // namespace tessera
