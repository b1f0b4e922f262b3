/// \file
/// Running an engine.
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION  // else the headers of OpenCL print that they choose this themselves
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tessera/engine.hpp"

namespace tessera {

/// Tensors by the names of bindings.
using TensorMap = std::map<std::string, HostTensor>;

/// Device time of one layer, a median over runs.
struct LayerTime {
  LayerInfo layer;          ///< whose
  double milliseconds = 0;  ///< of its kernels
};

/// One stream of work through an engine: its own activations and kernel objects. Inputs are zeros until they
/// are filled. Used by one thread at a time; use one context per thread. Nothing is allocated after
/// construction.
class Context {
 public:
  /// Allocates all that runs need. Throws Error(OutOfMemory or DeviceError) where the device has no room.
  explicit Context(std::shared_ptr<const Engine> engine);
  ~Context();
  Context(Context&&) noexcept;  ///< the other can only be destroyed

  const Engine& engine() const;  ///< that it runs

  /// Uploads the inputs, runs, downloads every output. An output whose length depends on values (what
  /// NonMaxSuppression selects) comes in its actual shape; its binding has room for the most there can be,
  /// and an output binding of its own, which run() leaves out, says how many entries mean something. Throws
  /// Error(InvalidArgument) where an input is missing, has another type or shape than its binding, or data
  /// that do not fill its shape.
  TensorMap run(const TensorMap& inputs);
  /// The first half of run(), for hosts that have other work meanwhile (another context's results, say):
  /// uploads the inputs and enqueues.
  void start(const TensorMap& inputs);
  /// The second half: waits and downloads every output.
  TensorMap finish();

  /// The context's own buffer of a binding, for callers that fill inputs or read outputs on the device.
  cl_mem buffer(std::string_view binding) const;
  /// Uses a caller's buffer for a binding from now on; it must hold Binding::bytes() and stay alive. Null:
  /// the own one.
  void bind(std::string_view binding, cl_mem buffer);
  /// The context's own in-order queue.
  cl_command_queue queue() const;

  /// Enqueues one run on the caller's queue (the context's own: queue()), after `waits`; nothing is waited
  /// for. `done`, where given, receives an event that the caller releases.
  void enqueue(cl_command_queue queue, const std::vector<cl_event>& waits = {}, cl_event* done = nullptr);
  /// Enqueues on the own queue and waits.
  void execute();

  /// Copies to an input's buffer. Throws as run() does.
  void upload(std::string_view binding, const HostTensor& value);
  HostTensor download(std::string_view binding);  ///< in its actual shape, as run() gives it

  /// Device time per layer, medians over `runs` runs.
  std::vector<LayerTime> profile(int runs = 5);

 private:
  friend struct StepTrace;  // runtime/exec/step_trace.hpp: runs step by step, to find a wrong one
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
