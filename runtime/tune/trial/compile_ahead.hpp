/// \file
/// Kernels that other processes compile before this one wants them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tune/trial/kernel_line.hpp"

namespace tessera {

/// For drivers that compile one kernel at a time in a process, and keep what they compiled for all processes
/// (PoCL): a process for each core compiles a part of a network's kernels, and this one finds them in the
/// driver's cache. What goes wrong there costs time only: whatever is missing is compiled here.
class CompileAhead {
 public:
  /// Starts processes by `command` (TuneOptions::worker) where the driver is such a one, `kernels` are enough
  /// to pay for them, and were not compiled before. Equal ones need not be left out. `known`: of a network
  /// that was built in this process, and is compiled already.
  CompileAhead(const std::vector<std::string>& command, const DeviceCaps& device,
               const std::vector<KernelWork>& kernels, const std::vector<KernelWork>& known = {});
  ~CompileAhead();
  CompileAhead(const CompileAhead&) = delete;
  CompileAhead& operator=(const CompileAhead&) = delete;

  /// Waits for them.
  void finish();
  /// Processes that were started.
  std::size_t workers() const { return workers_; }

  /// Where PoCL keeps what it compiled; empty where it keeps nothing.
  static std::filesystem::path poclFolder();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
  std::size_t workers_ = 0;
};

}  // namespace tessera
