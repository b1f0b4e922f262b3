/// \file
/// Running an engine.
#pragma once

#include <CL/cl.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tessera/engine.hpp"

namespace tessera {

using TensorMap = std::map<std::string, HostTensor>;

/// Device time of one layer, a median over runs.
struct LayerTime {
  LayerInfo layer;
  double milliseconds = 0;
};

/// One stream of work through an engine: its own activations and kernel objects. Inputs are zeros until they are filled.
/// Used by one thread at a time; use one context per thread. Nothing is allocated after construction.
class Context {
 public:
  explicit Context(std::shared_ptr<const Engine> engine);
  ~Context();
  Context(Context&&) noexcept;

  const Engine& engine() const;

  /// Uploads the inputs, runs, downloads every output. Throws Error(InvalidArgument) where an input is
  /// missing or has another type or shape than its binding.
  TensorMap run(const TensorMap& inputs);
  /// The halves of run(), for hosts that have other work meanwhile (another context's results, say): uploads the inputs
  /// and enqueues; and waits and downloads every output.
  void start(const TensorMap& inputs);
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

  void upload(std::string_view binding, const HostTensor& value);
  HostTensor download(std::string_view binding);

  /// Device time per layer, medians over `runs` runs.
  std::vector<LayerTime> profile(int runs = 5);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
