/// \file
/// Trying candidates on a device: build, time, check.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "clkernels/family.hpp"
#include "tessera/error.hpp"
#include "tune/search/tactic_search.hpp"

namespace tessera {

/// One family with one tactic on one problem, whose operands are dense.
struct Candidate {
  const KernelFamily* family = nullptr;
  OpView view;
  Tactic tactic;
};

/// A candidate after which the device's context serves nobody any more: `index` of those that were run.
class ContextLost final : public Error {
 public:
  ContextLost(std::size_t candidate, const std::string& message)
      : Error(ErrorCode::DeviceError, message), index(candidate) {}
  const std::size_t index;
};

/// Tries candidates; the tuner's only way to the device.
class CandidateRunner {
 public:
  virtual ~CandidateRunner() = default;
  /// Candidates of one operator on one shape; layouts and families may differ. They are built together and
  /// timed in turns. `best`: milliseconds to beat, 0 where there are none. Good trials are checked where
  /// `checkAll` is set, else the fastest if it beats `best`: on a shrunken problem against the operator's
  /// reference, at full size against a verified tactic. Throws ContextLost.
  virtual std::vector<Trial> run(const std::vector<Candidate>& candidates, double best, bool checkAll) = 0;
  /// Compiles candidates that will be run soon, of any operators and shapes, so that it is done with all
  /// processors at once. What does not work shows when it is run.
  virtual void compile(const std::vector<Candidate>& candidates) {}
  /// Bytes of operands that it holds for the next run.
  virtual std::size_t bytesKept() const { return 0; }
  /// Keeps candidates' programs in the program cache below `folder`, as far as that saves the caller time.
  virtual void save(const std::vector<Candidate>& candidates, const std::filesystem::path& folder) {}
};

/// Told about each candidate as it is tried.
class TrialListener {
 public:
  virtual ~TrialListener() = default;
  virtual void begin(std::size_t index) = 0;  ///< it is about to be tried; some are tried twice
};

/// Tries candidates in this process; `listener` may be null.
std::unique_ptr<CandidateRunner> makeDeviceRunner(const Device& device, TrialListener* listener = nullptr);

}  // namespace tessera
