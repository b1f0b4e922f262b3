/// \file
/// Runs one operator through one kernel family: what tests, the tuner and benchmarks share. Outputs are
/// poisoned and framed by canaries, so that unwritten elements and writes outside show.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clkernels/family.hpp"

namespace tessera {

class OpRunner {
 public:
  /// `inputs`: planar values per operator input (empty for absent ones); `constants[i]`: handed to packings
  /// as well. Throws Error(DeviceError) where a kernel does not build.
  OpRunner(const Device& device, const KernelFamily& family, const OpView& view, const Tactic& tactic,
           const std::vector<HostTensor>& inputs, const std::vector<bool>& constants);
  ~OpRunner();
  OpRunner(OpRunner&&) noexcept;

  /// Poisons the outputs, runs all kernels, returns planar outputs. Throws Error(DeviceError).
  std::vector<HostTensor> run();
  /// Empty after run(), or what it found: a canary or a gap between batches overwritten, padding lanes not
  /// zero.
  const std::string& damage() const;
  /// Device time of one pass over all kernels, in milliseconds, without poisoning.
  double timeOnce();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
