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

/// Inputs and outputs of an operator in device memory, in one layout: shared by runners that take turns.
class OpOperands {
 public:
  /// For kernels that are not trusted: runs also see what is written before outputs, beside inputs and
  /// scratch, and to the inputs themselves.
  struct Watch {
    std::vector<std::string> inputs;  ///< names for messages
  };
  /// `inputs`: planar values per operator input (empty for absent ones); `constants[i]`: handed to packings
  /// as well.
  OpOperands(const Device& device, const OpView& view, std::vector<HostTensor> inputs,
             std::vector<bool> constants, std::optional<Watch> watch = {});
  /// As above, with values that operands in other layouts use, too.
  OpOperands(const Device& device, const OpView& view, std::shared_ptr<const std::vector<HostTensor>> inputs,
             std::vector<bool> constants, std::optional<Watch> watch = {});
  ~OpOperands();
  OpOperands(const OpOperands&) = delete;
  OpOperands& operator=(const OpOperands&) = delete;
  const OpView& view() const;
  /// Forgets packed constants, which are kept from runner to runner.
  void dropPacked();
  /// What packed constants take on the device.
  std::size_t packedBytes() const;
  /// What inputs and outputs take on the device.
  static std::size_t bytesFor(const OpView& view);

 private:
  friend class OpRunner;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ProgramSet;

class OpRunner {
 public:
  /// Throws Error(DeviceError) where a kernel does not build.
  OpRunner(const Device& device, const KernelFamily& family, const OpView& view, const Tactic& tactic,
           const std::vector<HostTensor>& inputs, const std::vector<bool>& constants);
  /// As above, with operands that others use, too; `programs`, where given, holds the kernels' programs
  /// already.
  OpRunner(const Device& device, const KernelFamily& family, std::shared_ptr<OpOperands> operands,
           const Tactic& tactic, const ProgramSet* programs = nullptr);
  ~OpRunner();
  OpRunner(OpRunner&&) noexcept;

  /// Poisons the outputs, runs all kernels, returns planar outputs. Throws Error(DeviceError).
  std::vector<HostTensor> run();
  /// Empty after run(), or what it found: a canary or a gap between batches overwritten, padding lanes not
  /// zero, or what OpOperands::Watch is for.
  const std::string& damage() const;
  /// Milliseconds of one pass over all kernels, launches included: `passes` of them in a row, without
  /// poisoning.
  double time(int passes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
