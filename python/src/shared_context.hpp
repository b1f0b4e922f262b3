/// \file
/// A context that threads of Python share, and the run that is on its way in it.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "python/src/arrays.hpp"
#include "python/src/module.hpp"

namespace tessera::python {

/// Throws Error(DeviceError) where an OpenCL call failed.
void checkCall(const char* call, cl_int code);

/// A run on its way: the marker behind its kernels, then its outputs.
struct Pending {
  cl_event marker = nullptr;
  bool collected = false;
  TensorMap outputs;  ///< until they are arrays
  std::exception_ptr failure;
  py::object arrays;  ///< guarded by the GIL, as its making is

  explicit Pending(cl_command_queue queue);
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending();

  bool done() const;
};

/// A context that threads take in turns. A thread gives the GIL up before it waits for its turn.
class SharedContext {
 public:
  SharedContext(std::shared_ptr<const Engine> engine, const ContextOptions& options)
      : engine_(engine), context_(std::move(engine), options) {}

  const std::shared_ptr<const Engine>& engine() const { return engine_; }

  template <class Work>
  auto inTurn(const Work& work) {
    const py::gil_scoped_release release;
    const std::lock_guard turn(mutex_);
    return work(context_);
  }
  /// Likewise, for what would disturb a run that was started.
  template <class Work>
  auto alone(const Work& work) {
    return inTurn([&](Context& context) {
      checkIdle();
      return work(context);
    });
  }
  /// Two contexts at once; `a` and `b` are not the same.
  template <class Work>
  static auto together(SharedContext& a, SharedContext& b, const Work& work) {
    const py::gil_scoped_release release;
    const std::scoped_lock turns(a.mutex_, b.mutex_);
    a.checkIdle();
    b.checkIdle();
    return work(a.context_, b.context_);
  }

  /// At the shapes that were set.
  std::vector<Binding> bindings();
  /// Of any thread, also while another is in its turn.
  void cancel();
  /// `memory`, null: the context's own, is kept as long as it is bound.
  void bindHost(const std::string& name, py::array memory);
  void bindBuffer(const std::string& name, cl_mem buffer, std::size_t offset);

  std::shared_ptr<Pending> start(const std::vector<BoundArray>& inputs);
  std::shared_ptr<Pending> pending();
  /// The outputs of a run, however often they are asked for.
  py::object outputs(Pending& run);

 private:
  void checkIdle() const;

  std::shared_ptr<const Engine> engine_;
  std::mutex mutex_;
  std::map<std::string, py::array> hosted_;  ///< memory that is bound; guarded by the GIL
  Context context_;
  std::shared_ptr<Pending> pending_;
};

using ContextPointer = std::shared_ptr<SharedContext>;

/// Copies an array from where it lies to its binding's buffer.
void uploadArray(Context& context, const BoundArray& input);
/// Uploads and enqueues.
void startRun(Context& context, const std::vector<BoundArray>& inputs);

}  // namespace tessera::python
