/// \file
/// Running an engine.
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION  // else the headers of OpenCL print that they choose this themselves
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/engine.hpp"
#include "tessera/error.hpp"

namespace tessera {

/// Tensors by the names of bindings.
using TensorMap = std::map<std::string, HostTensor>;

/// Device time of one layer, a median over runs.
struct LayerTime {
  LayerInfo layer;          ///< whose
  double milliseconds = 0;  ///< of its kernels
};

/// How a context is made.
struct ContextOptions {
  /// Runs on the own queue may be cancelled: kernels are enqueued a few steps ahead of the device only, so
  /// that execute(), start() and run() come back when most of the work is done.
  bool cancellable = false;
  /// upload() and download() pass through memory that the device reads and writes by itself, allocated with
  /// the context, as large as the bindings. None: on GPUs, not on CPUs.
  std::optional<bool> pinned;
};

/// What a run ends with that cancel() has stopped; outputs then hold nothing.
class Cancelled : public Error {
 public:
  /// `network`: whose run it was.
  explicit Cancelled(const std::string& network)
      : Error(ErrorCode::DeviceError, "the run of '" + network + "' was cancelled") {}
};

/// One stream of work through an engine: its own activations and kernel objects. Inputs are zeros until they
/// are filled. Used by one thread at a time; use one context per thread. Nothing is allocated after
/// construction, but by setShape() for a shape that is new to the context.
class Context {
 public:
  /// Allocates all that runs need. Throws Error(OutOfMemory or DeviceError) where the device has no room.
  explicit Context(std::shared_ptr<const Engine> engine, const ContextOptions& options = {});
  ~Context();
  Context(Context&&) noexcept;  ///< the other can only be destroyed

  const Engine& engine() const;  ///< that it runs

  /// Runs at another shape of an input from now on; what inputs held is lost. Throws Error(InvalidArgument)
  /// where the engine's profile (Engine::shapes()) does not allow the shape, or a layer can not take it. The
  /// first context of an engine that asks for a shape waits until its kernels are there; a context that comes
  /// back to a shape only sets arguments, waiting for its own queue.
  void setShape(std::string_view input, const Shape& shape);
  /// As setShape(), of several inputs at once, whose extents have to fit together. Inputs that are not named
  /// keep theirs.
  void setShapes(const InputShapes& shapes);
  /// Inputs, then outputs, at the shapes that were set; Engine::bindings() has the largest.
  const std::vector<Binding>& bindings() const;
  const Binding& binding(std::string_view name) const;  ///< as Engine::binding(), at the shapes that were set

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
  /// Uses a caller's buffer for a binding from now on; it must hold Binding::bytes() of the engine's largest
  /// shape and stay alive. Null: the own one.
  void bind(std::string_view binding, cl_mem buffer) { bind(binding, buffer, 0); }
  /// As above, the part of a buffer that begins at `offset` bytes, a multiple of DeviceCaps::addressAlign.
  void bind(std::string_view binding, cl_mem buffer, std::size_t offset);
  /// Uses the host's own memory for a binding, without a copy, on devices that share it (CPUs): `bytes` from
  /// `memory` on, as many as bind() wants, beginning at a multiple of DeviceCaps::addressAlign. Inputs are
  /// written before a run is enqueued; outputs can be read after execute() or finish(). The memory must
  /// outlive the context or the next bind(). Throws Error(Unsupported) on other devices.
  void bindHost(std::string_view binding, void* memory, std::size_t bytes);
  /// The context's own in-order queue.
  cl_command_queue queue() const;

  /// Enqueues one run on the caller's queue (the context's own: queue()), after `waits`; nothing is waited
  /// for. `done`, where given, receives an event that the caller releases.
  void enqueue(cl_command_queue queue, const std::vector<cl_event>& waits = {}, cl_event* done = nullptr);
  /// Enqueues on the own queue and waits. Throws Cancelled.
  void execute();
  /// Ends the run on the own queue that another thread enqueues or waits for, which throws Cancelled, before
  /// its next steps; nothing where there is none. For contexts made cancellable. May be
  /// called from any thread.
  void cancel();

  /// Copies to an input's buffer. Throws as run() does.
  void upload(std::string_view binding, const HostTensor& value);
  /// Likewise from memory of the caller's: elements of the binding's type, planar. Throws
  /// Error(InvalidArgument) where they do not fill the binding.
  void upload(std::string_view binding, std::span<const std::byte> elements);
  HostTensor download(std::string_view binding);  ///< in its actual shape, as run() gives it
  /// Copies from an output's buffer to memory of the caller's, planar, in the binding's shape. Throws
  /// Error(InvalidArgument) where it does not fill that.
  void download(std::string_view binding, std::span<std::byte> elements);

  /// Device time per layer, medians over `runs` runs.
  std::vector<LayerTime> profile(int runs = 5);

 private:
  friend struct StepTrace;  // runtime/exec/step_trace.hpp: runs step by step, to find a wrong one
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
