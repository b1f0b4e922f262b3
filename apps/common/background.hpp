/// \file
/// Work beside the main thread: reading ahead and writing behind.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "base/request_queue.hpp"

namespace tessera::app {

/// Calls a producer on a thread of its own, up to `depth` items ahead of the consumer.
template <class T>
class ReadAhead {
 public:
  ReadAhead(std::function<std::optional<T>()> produce, std::size_t depth)
      : produce_(std::move(produce)), items_(depth), thread_([this] { work(); }) {}
  ~ReadAhead() {
    items_.discard();
    thread_.join();
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next item; none at the end. Rethrows what the producer threw.
  std::optional<T> next() {
    auto items = items_.take({});
    if (items.empty()) {
      if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
      return std::nullopt;
    }
    items_.done(1);
    return std::move(items.front());
  }

 private:
  void work() {
    try {
      while (std::optional<T> item = produce_())
        if (!items_.push(std::move(*item))) break;
    } catch (...) {
      failure_ = std::current_exception();
    }
    items_.close();
  }

  std::function<std::optional<T>()> produce_;
  RequestQueue<T> items_;
  std::exception_ptr failure_;  ///< set before the queue is closed, read after
  std::thread thread_;
};

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
