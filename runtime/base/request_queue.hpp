/// \file
/// Requests on their way through several workers: a bounded queue that gives them out in batches, and results
/// in the order of requests. Knows nothing of devices.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace tessera {

/// Any number of threads push and take. A request counts against the bound from push() until done().
template <class Request>
class RequestQueue {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RequestQueue(std::size_t most) : most_(most) {}

  /// Waits for room. False, and nothing is taken, where the queue was closed.
  bool push(Request&& request) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || open_ < most_; });
    return add(request);
  }
  /// As push(), but false where there is no room at once.
  bool tryPush(Request&& request) {
    const std::unique_lock lock(mutex_);
    return open_ < most_ && add(request);
  }

  /// Which requests go together.
  struct Batch {
    std::int64_t most = 1;                                         ///< of the sum of sizes
    std::chrono::microseconds delay{0};                            ///< how long the first one waits for more
    std::function<std::int64_t(const Request&)> size;              ///< none: 1
    std::function<bool(const Request&, const Request&)> together;  ///< none: any
  };
  /// Waits for a request, and then for those that go with it, in the order of push(): a request that does not
  /// fit ends the batch. Empty once the queue is closed and nothing is left.
  std::vector<Request> take(const Batch& batch) {
    std::unique_lock lock(mutex_);
    // One worker at a time collects, so that requests join one batch and not one each.
    some_.wait(lock, [this] { return waiting_.empty() ? closed_ : !collecting_; });
    std::vector<Request> taken;
    if (waiting_.empty()) return taken;
    collecting_ = true;
    collect(taken, batch, lock);
    collecting_ = false;
    some_.notify_all();
    return taken;
  }
  /// What take() would give without waiting: a whole batch that is here, or what is left of a closed queue;
  /// else nothing.
  std::vector<Request> takeReady(const Batch& batch) {
    const std::unique_lock lock(mutex_);
    std::vector<Request> taken;
    if (collecting_ || waiting_.empty()) return taken;
    const std::size_t count = readyCount(batch);
    for (std::size_t i = 0; i < count; ++i) {
      taken.push_back(std::move(waiting_.front().first));
      waiting_.pop_front();
    }
    return taken;
  }
  /// A request that take() gave was answered, or several.
  void done(std::size_t count) {
    {
      const std::lock_guard lock(mutex_);
      open_ -= count;
    }
    room_.notify_all();
  }

  /// No more are accepted; those that wait are still given out.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    room_.notify_all();
    some_.notify_all();
  }
  /// Closes, and takes out what waits; the caller answers it and calls done().
  std::vector<Request> discard() {
    close();
    const std::lock_guard lock(mutex_);
    std::vector<Request> rest;
    for (auto& [request, since] : waiting_) rest.push_back(std::move(request));
    waiting_.clear();
    return rest;
  }
  /// Waits until every request was answered.
  void waitUntilDone() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return open_ == 0; });
  }

 private:
  bool add(Request& request) {
    if (closed_) return false;
    ++open_;
    waiting_.emplace_back(std::move(request), Clock::now());
    some_.notify_all();  // a worker that waits for more of its batch may not want this one
    return true;
  }

  // How many of those that wait make a batch that need not wait for more; 0: they do not.
  std::size_t readyCount(const Batch& batch) const {
    const Request& first = waiting_.front().first;
    std::int64_t sum = 0;
    std::size_t count = 0;
    for (const auto& [next, since] : waiting_) {
      const std::int64_t size = batch.size ? batch.size(next) : 1;
      const bool fits =
          count == 0 || (sum + size <= batch.most && (!batch.together || batch.together(first, next)));
      if (!fits) return count;
      sum += size;
      ++count;
    }
    const bool complete =
        sum >= batch.most || closed_ || Clock::now() >= waiting_.front().second + batch.delay;
    return complete ? count : 0;
  }

  void collect(std::vector<Request>& taken, const Batch& batch, std::unique_lock<std::mutex>& lock) {
    const auto until = waiting_.front().second + batch.delay;
    std::int64_t sum = 0;
    while (true) {
      while (!waiting_.empty()) {
        const Request& next = waiting_.front().first;
        const std::int64_t size = batch.size ? batch.size(next) : 1;
        const bool fits = taken.empty() || (sum + size <= batch.most &&
                                            (!batch.together || batch.together(taken.front(), next)));
        if (!fits) return;
        sum += size;
        taken.push_back(std::move(waiting_.front().first));
        waiting_.pop_front();
      }
      // No more can come while all that may be open are here.
      if (sum >= batch.most || closed_ || open_ >= most_ || Clock::now() >= until) return;
      some_.wait_until(lock, until);
    }
  }

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable room_, some_;
  std::deque<std::pair<Request, Clock::time_point>> waiting_;
  std::size_t open_ = 0;  ///< waiting, or taken and not answered
  bool closed_ = false, collecting_ = false;
};

/// Calls that are made one at a time, and in the order of their numbers where that is wanted: 0, 1, 2, ..
class Delivery {
 public:
  explicit Delivery(bool inOrder) : inOrder_(inOrder) {}

  /// Makes the call, now or from the thread that delivers what stands before it. Calls must not throw.
  void deliver(std::uint64_t number, std::function<void()> call) {
    std::unique_lock lock(mutex_);
    waiting_.emplace(number, std::move(call));
    if (delivering_) return;  // that thread goes on with this one
    delivering_ = true;
    while (!waiting_.empty() && (!inOrder_ || waiting_.begin()->first == next_)) {
      const auto ready = waiting_.extract(waiting_.begin());
      ++next_;
      lock.unlock();
      ready.mapped()();
      lock.lock();
    }
    delivering_ = false;
  }

 private:
  const bool inOrder_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::function<void()>> waiting_;
  std::uint64_t next_ = 0;
  bool delivering_ = false;
};

}  // namespace tessera
