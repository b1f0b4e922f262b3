/// \file
/// Candidates in a process of their own: one that hangs or crashes costs itself, not the search.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tune/trial/candidates.hpp"

namespace tessera {

struct WorkerOptions {
  std::vector<std::string> command;  ///< program and arguments; calls runTuneWorker()
  std::string device;                ///< DeviceCaps::fingerprint() of the device to use
  double patience = 60;              ///< seconds without a word before a candidate counts as hanging
  /// Processes that compile beside the one that times, for drivers that compile one program at a time in a
  /// process and keep what they compiled for all (PoCL). While anything is timed they stand still.
  int helpers = 0;
};

/// Runs candidates through child processes, started at the first batch and after every loss. Throws
/// Error(DeviceError) where no worker can be started at all.
std::unique_ptr<CandidateRunner> makeWorkerRunner(const WorkerOptions& options);

}  // namespace tessera
