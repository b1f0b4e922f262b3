/// \file
/// What a context holds.
#pragma once

#include <atomic>
#include <deque>
#include <map>

#include "exec/engine_impl.hpp"
#include "launch/kernel_launcher.hpp"
#include "tessera/context.hpp"

namespace tessera {

struct Context::Impl {
  /// Kernels with their arguments for one form of the engine.
  struct Form {
    std::shared_ptr<const Engine> engine;
    std::vector<cl::Buffer> storage;                 ///< per storage: what kernels see
    std::vector<std::vector<PreparedCall>> kernels;  ///< per step; none before haveSteps()
    cl::Kernel chain;                                ///< of all steps, where the engine has one
    std::vector<cl_mem> bound;                       ///< per binding: what the arguments hold

    const Engine::Impl& e() const { return engine->impl(); }
    /// Makes the kernels of steps, which who runs them in one launch has no use for.
    void haveSteps(const cl::Buffer& counters);
    void setArguments(std::size_t step, const cl::Buffer& counters);
    void setChainArguments(const Impl& context);
    void useBuffer(int binding, const cl::Buffer& buffer, const Impl& context);
  };

  /// Pinned memory that transfers of a binding pass through.
  struct Staging {
    cl::Buffer buffer;
    std::byte* memory = nullptr;
  };

  std::shared_ptr<const Engine> engine;
  ContextOptions options;
  InputShapes shapes;  ///< of the inputs that may change
  cl::CommandQueue queue;
  cl::Buffer arena;  ///< storages are its sub-buffers,
  std::size_t arenaBytes = 0;
  std::vector<cl::Buffer> slots;       ///< or, where the driver has none, take these in turn
  std::vector<std::size_t> slotBytes;  ///< of each
  cl::Buffer counters;                 ///< all steps share them
  std::size_t counterCount = 0;
  cl::Buffer chainSync;  ///< that work-groups of a chain meet in
  std::size_t chainWords = 0;
  std::vector<cl::Buffer> own, bound;  ///< per binding
  std::map<const Engine*, Form> forms;
  Form* now = nullptr;

  std::vector<Staging> staging;    ///< per binding, where transfers are pinned
  std::vector<char> hostMemory;    ///< per binding: whether it is the caller's host memory
  std::atomic<bool> stop = false;  ///< cancel() was called during the run
  std::atomic<bool> running = false;

  ~Impl();

  const Engine::Impl& e() const { return now->e(); }
  const cl::Context& context() const { return engine->impl().device.impl().context(); }

  /// Allocates what all runs share, and zeros inputs.
  void create();
  void createStaging();
  void bind(int binding, const cl::Buffer& buffer, std::size_t size);
  /// Enqueues all steps; `cancellable`: some ahead of the device, until cancel().
  void enqueueSteps(const cl::CommandQueue& on, bool cancellable);
  /// The kernels of each step, whether or not runs use them.
  const std::vector<std::vector<PreparedCall>>& stepKernels() {
    now->haveSteps(counters);
    return now->kernels;
  }
  /// Reads a binding into `value`, which is not empty, or into the binding's staging memory; takeStaged()
  /// then copies it from there.
  void enqueueRead(std::size_t binding, HostTensor& value, bool waits);
  void takeStaged(std::size_t binding, HostTensor& value) const;
  /// Enqueues on the own queue.
  void enqueueOwn();
  /// Lets the host see what the device wrote to its memory.
  void showHostMemory();
  /// Has the memory for a form, too; forms that used what was too small are dropped.
  void reserve(const Engine::Impl& form);
  /// Runs that form from now on.
  void use(std::shared_ptr<const Engine> form);
  void prepare(Form& form) const;
  /// Goes on with what was found in the background, before a run.
  void useFound();
};

}  // namespace tessera
