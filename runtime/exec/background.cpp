// The thread that looks for a faster engine.
#include "exec/background.hpp"

#include <spdlog/logger.h>
#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <exception>

#include "tessera/engine.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

// Of this thread and the processes that it starts. Not the lowest: beside contexts that keep every core busy
// it would get nothing at all, and this way a tenth of one.
void yieldToOthers() {
#if defined(__linux__)
  constexpr int kLow = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kLow);
#endif
}

}  // namespace

Background::Background(Search search) : thread_([this, search = std::move(search)] { run(search); }) {}

Background::~Background() {
  stop_ = true;
  thread_.join();
}

void Background::run(const Search& search) {
  yieldToOthers();
  std::shared_ptr<const Engine> found;
  try {
    found = search(stop_);
  } catch (const std::exception& e) {
    if (stop_)
      log().debug("tuning in the background was stopped");
    else
      log().warn("tuning in the background ended: {}", e.what());
  }
  const std::lock_guard lock(mutex_);
  found_ = std::move(found);
  done_ = true;
  ended_.notify_all();
}

std::shared_ptr<const Engine> Background::found() const {
  if (!done_) return nullptr;
  const std::lock_guard lock(mutex_);
  return found_;
}

void Background::wait() const {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return done_.load(); });
}

}  // namespace tessera
