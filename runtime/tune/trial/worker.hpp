/// \file
/// Candidates in a process of their own: one that hangs or crashes costs itself, not the search.
#pragma once

#include <cstddef>
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
  /// Bytes beside operands after which a process is replaced by a fresh one, for drivers that keep something
  /// of every program that they compiled; 0: never.
  std::size_t renewAt = 0;
  /// Bytes that a process may allocate: a candidate that takes more to compile costs the process, not the
  /// machine; 0: any number. Not for drivers that reserve more than they use.
  std::size_t memory = 0;
};

/// Runs candidates through child processes, started at the first batch and after every loss. Throws
/// Error(DeviceError) where no worker can be started at all.
std::unique_ptr<CandidateRunner> makeWorkerRunner(const WorkerOptions& options);

}  // namespace tessera
