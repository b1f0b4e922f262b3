/// \file
/// Families that know how tactics of one problem compare without measuring them.
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

/// A family's second base class.
class ComparesTactics {
 public:
  virtual ~ComparesTactics() = default;
  /// What a tactic of the problem is expected to take, in any unit: only ratios count.
  virtual double expected(const Problem& problem, const Tactic& tactic, const DeviceCaps& device) const = 0;
  /// Output channels that a tactic's packed weights hold, padding included; 0: all tactics pack alike.
  virtual std::int64_t packedChannels(const Problem& problem, const Tactic& tactic,
                                      const DeviceCaps& device) const {
    return 0;
  }
};

}  // namespace tessera
