/// \file
/// Single operators on a caller's buffers and queue: what goes before and after a network.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cl/program.hpp"
#include "launch/kernel_launcher.hpp"

namespace tessera {

/// Runs operators through the first family that applies, with its fallback tactic. Programs are compiled at
/// first use and kept. Used by one thread at a time.
class DeviceOps {
 public:
  explicit DeviceOps(const Device& device) : device_(device), programs_(device) {}

  /// Enqueues `view`; buffers match its operands, whose layouts may have offsets. Operators that want scratch
  /// or packed constants are refused.
  void enqueue(const cl::CommandQueue& queue, const OpView& view, const std::vector<cl::Buffer>& inputs,
               const std::vector<cl::Buffer>& outputs, const std::vector<cl::Event>* waits = nullptr,
               cl::Event* event = nullptr);

 private:
  struct Prepared {
    Launch launch;
    std::vector<PreparedCall> kernels;
  };
  Prepared& prepared(const OpView& view);

  Device device_;
  ProgramSet programs_;
  std::map<std::string, Prepared> prepared_;  ///< by the view's text
};

/// The operator with its outputs inferred, operands planar and dense.
OpView inferredView(const std::string& op, Attributes attrs, std::vector<TensorDesc> inputs);

}  // namespace tessera
