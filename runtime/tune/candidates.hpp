/// \file
/// Trying candidates on a device: build, time, check.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clkernels/family.hpp"
#include "tune/search.hpp"

namespace tessera {

/// One family with one tactic on one problem, whose operands are dense.
struct Candidate {
  const KernelFamily* family = nullptr;
  OpView view;
  Tactic tactic;
};

/// Tries candidates; the tuner's only way to the device.
class CandidateRunner {
 public:
  virtual ~CandidateRunner() = default;
  /// Candidates of one operator on one shape, in order; layouts and families may differ. `best`: milliseconds
  /// to beat, 0 where there are none. A Good trial that is faster, or any where `checkAll` is set, has been
  /// checked: on a shrunken problem against the operator's reference, at full size against a verified tactic.
  virtual std::vector<Trial> run(const std::vector<Candidate>& candidates, double best, bool checkAll) = 0;
};

/// Tries candidates in this process.
std::unique_ptr<CandidateRunner> makeDeviceRunner(const Device& device);

}  // namespace tessera
