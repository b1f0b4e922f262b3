/// \file
/// A faster engine of the same network that is being looked for while contexts run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace tessera {

class Engine;

/// A thread that makes an engine in the place of another. What it found never changes any more, so contexts
/// may look at any time.
class Background {
 public:
  /// Returns the engine, or null where there is none that is faster. Looks at `stop` now and then, and ends
  /// soon after it is set, by an exception or otherwise.
  using Search = std::function<std::shared_ptr<const Engine>(const std::atomic<bool>& stop)>;

  /// Begins at once, at a low priority. What `search` throws is logged and ends it.
  explicit Background(Search search);
  ~Background();  ///< stops the search, and waits for its thread
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// What contexts are to run; null: there is nothing yet, or nothing faster.
  std::shared_ptr<const Engine> found() const;
  bool done() const { return done_; }
  void wait() const;

 private:
  void run(const Search& search);

  std::atomic<bool> stop_ = false, done_ = false;
  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  std::shared_ptr<const Engine> found_;
  std::thread thread_;  ///< last: it uses the others
};

}  // namespace tessera
