/// \file
/// Work beside the main thread: reading ahead and writing behind.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace tessera::app {

/// Calls a producer on a thread of its own, up to `depth` items ahead of the consumer.
template <class T>
class ReadAhead {
 public:
  ReadAhead(std::function<std::optional<T>()> produce, std::size_t depth)
      : produce_(std::move(produce)), depth_(depth), thread_([this] { work(); }) {}
  ~ReadAhead() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next item; none at the end. Rethrows what the producer threw.
  std::optional<T> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !items_.empty() || ended_; });
    if (items_.empty()) {
      if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
      return std::nullopt;
    }
    T item = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

 private:
  void work() {
    std::exception_ptr failure;
    try {
      while (std::optional<T> item = produce_()) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return items_.size() < depth_ || stop_; });
        if (stop_) break;
        items_.push_back(std::move(*item));
        changed_.notify_all();
      }
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    ended_ = true;
    changed_.notify_all();
  }

  std::function<std::optional<T>()> produce_;
  std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  std::exception_ptr failure_;
  bool ended_ = false, stop_ = false;
  std::thread thread_;
};

/// Runs tasks in order on a thread of its own; at most `depth` wait.
class WriteBehind {
 public:
  explicit WriteBehind(std::size_t depth) : depth_(depth), thread_([this] { work(); }) {}
  ~WriteBehind() { join(); }
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  void post(std::function<void()> task) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.size() < depth_ || failure_; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  /// Waits for all tasks; rethrows what one of them threw.
  void finish() {
    join();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  void join() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  void work() {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !tasks_.empty() || ended_; });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      changed_.notify_all();
      try {
        task();
      } catch (...) {
        const std::lock_guard lock(mutex_);
        failure_ = std::current_exception();
        tasks_.clear();
        ended_ = true;
      }
      changed_.notify_all();
    }
  }

  std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::exception_ptr failure_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace tessera::app
