/// \file
/// What the kernels of a step take beside their operands, and a limit of it (TuneOptions::workspaceLimit).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lower/step.hpp"

namespace tessera {

/// Bytes of scratch of one launch.
std::size_t workspaceOf(const Launch& launch);

/// Which tactics are offered where a layer's workspace is limited.
class WorkspaceLimit {
 public:
  /// None: everything is offered.
  explicit WorkspaceLimit(std::optional<std::size_t> bytes = std::nullopt) : bytes_(bytes) {}

  bool limits() const { return bytes_.has_value(); }
  bool allows(std::size_t bytes) const { return !bytes_ || bytes <= *bytes_; }
  /// `tactic` is one of the family's.
  bool allows(const KernelFamily& family, const Problem& problem, const Tactic& tactic,
              const DeviceCaps& device) const;
  /// `own` where it is allowed, else the member of the family's space that differs from it the least, is
  /// allowed and that `accepts` takes; none where there is none among those that differ in two tunables.
  std::optional<Tactic> nearest(const KernelFamily& family, const Problem& problem, const Tactic& own,
                                const DeviceCaps& device,
                                const std::function<bool(const Tactic&)>& accepts) const;
  /// The first step of a network that is above the limit; null: none is.
  const Step* firstAbove(const Lowered& lowered) const;
  /// "3.0 MiB of workspace, more than the limit of 1.0 MiB".
  std::string refusal(std::size_t bytes) const;
  /// What tells records of limited builds from others' by their subjects; empty without a limit.
  std::string key() const;

 private:
  std::optional<std::size_t> bytes_;
};

}  // namespace tessera
