/// \file
/// Work beside the main thread: writing behind it.
#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "base/request_queue.hpp"

namespace tessera::app {

/// Runs tasks in order on a thread of its own; at most `depth` wait.
class WriteBehind {
 public:
  explicit WriteBehind(std::size_t depth) : tasks_(depth), thread_([this] { work(); }) {}
  ~WriteBehind() { join(); }
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  void post(std::function<void()> task) {
    if (!tasks_.push(std::move(task))) rethrow();
  }
  /// Waits for all tasks; rethrows what one of them threw.
  void finish() {
    join();
    rethrow();
  }

 private:
  void rethrow() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }
  void join() {
    tasks_.close();
    if (thread_.joinable()) thread_.join();
  }
  void work() {
    while (true) {
      auto tasks = tasks_.take({});
      if (tasks.empty()) return;
      try {
        tasks.front()();
      } catch (...) {
        failure_ = std::current_exception();
        tasks_.discard();
        return;
      }
      tasks_.done(1);
    }
  }

  RequestQueue<std::function<void()>> tasks_;
  std::exception_ptr failure_;  ///< set before the queue is closed, read after
  std::thread thread_;
};

}  // namespace tessera::app
