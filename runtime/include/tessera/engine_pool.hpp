/// \file
/// A stream of requests over several contexts and devices.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "tessera/context.hpp"

namespace tessera {

/// How a pool works.
struct PoolOptions {
  int contexts = 2;        ///< for each engine: one is uploaded to while another computes
  std::size_t queue = 16;  ///< requests that may be on their way; submit() waits where there are as many
  /// Items that run together at most; requests of fewer are joined along the first extent. 0: as many as the
  /// engines' largest shapes have; 1: requests are not joined.
  std::int64_t batch = 0;
  std::chrono::microseconds delay{2000};  ///< how long a request waits for others to run with
  /// Results come in the order of requests; else as they are completed.
  bool inOrder = false;
};

/// What became of a request.
struct PoolResult {
  std::uint64_t request = 0;  ///< its number: the first has 0
  TensorMap outputs;          ///< by name; empty where there is an error
  std::exception_ptr error;   ///< what went wrong with this request; null: nothing
};

/// Runs requests on contexts of its own, each on a thread of its own. Engines of one network on several
/// devices share the requests: whichever is free takes the next. Every method may be called from any thread.
///
/// Where requests are joined, their tensors' first extents count items, of which every input of a request has
/// as many. Runs have 1, 2, 4, .. or the largest number of items, where the engine's shapes may change so
/// (Engine::shapes()), else always the largest; items that are missing are zeros, and their results are
/// dropped.
class EnginePool {
 public:
  /// Makes the contexts, and for engines whose shapes may change the forms for all batches. Throws
  /// Error(InvalidArgument) where there is no engine, an option is out of range, the engines differ in their
  /// bindings, or requests are to be joined and a binding has no extent that counts items; and what Context
  /// throws.
  EnginePool(std::vector<std::shared_ptr<const Engine>> engines, const PoolOptions& options = {});
  /// Ends what runs; requests that wait end with Cancelled.
  ~EnginePool();
  EnginePool(const EnginePool&) = delete;
  EnginePool& operator=(const EnginePool&) = delete;

  /// Accepts a request, after waiting for room, and gives its number. `done` is called once, by a thread of
  /// the pool, one call at a time, and must not throw or call submit(). Errors of a request, wrong inputs
  /// among them, go into its result and touch no other. Throws Error(InvalidArgument) after finish().
  std::uint64_t submit(TensorMap inputs, std::function<void(PoolResult)> done);
  /// As above; the future has the outputs, or throws the request's error.
  std::future<TensorMap> submit(TensorMap inputs);
  /// Accepts no more, and waits until all requests have their results.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
