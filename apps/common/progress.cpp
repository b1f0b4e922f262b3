// A progress bar.
#include "apps/common/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace tessera::app {

Progress::Progress(std::string what, std::size_t total, std::string unit)
    : what_(std::move(what)),
      unit_(unit.empty() ? "" : " " + unit),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (visible_) std::fputs("\r\033[K", stderr);
}

void Progress::advance(std::size_t steps) {
  done_ += steps;
  const auto now = Clock::now();
  using namespace std::chrono_literals;
  if (terminal_ && now - begin_ > 1s && now - drawn_ > 100ms) draw(now);
}

void Progress::draw(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double rate = static_cast<double>(done_) / seconds;
  if (total_ == 0) {  // a stream of unknown length
    std::fprintf(stderr, "\r\033[K%s %zu%s, %.1f/s", what_.c_str(), done_, unit_.c_str(), rate);
  } else {
    constexpr std::size_t kWidth = 30;
    const std::size_t filled = std::min(done_, total_) * kWidth / total_;
    const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
    const double left = static_cast<double>(total_ - std::min(done_, total_)) / rate;
    std::fprintf(stderr, "\r\033[K%s [%s] %zu/%zu%s, %.1f/s, %.0f s left", what_.c_str(), bar.c_str(), done_,
                 total_, unit_.c_str(), rate, left);
  }
  std::fflush(stderr);
  drawn_ = now;
  visible_ = true;
}

TuneBar::TuneBar(std::string hint) : hint_(std::move(hint)), terminal_(isatty(STDERR_FILENO) != 0) {}

TuneBar::~TuneBar() {
  if (visible_) std::fputs("\r\033[K", stderr);
}

void TuneBar::show(const TuneProgress& p) {
  if (!hint_.empty() && p.fraction < 1) std::fprintf(stderr, "%s\n", std::exchange(hint_, {}).c_str());
  if (!terminal_ || p.elapsed < 1) return;
  if (p.fraction >= 1) {
    if (visible_) std::fputs("\r\033[K", stderr);
    visible_ = false;
    return;
  }
  constexpr double kWidth = 30;
  const auto filled = static_cast<std::size_t>(p.fraction * kWidth);
  const std::string bar =
      std::string(filled, '#') + std::string(static_cast<std::size_t>(kWidth) - filled, '.');
  const double left =
      std::max(0.0, std::min(p.budget - p.elapsed, p.elapsed / std::max(p.fraction, 0.02) - p.elapsed));
  std::fprintf(stderr, "\r\033[Ktuning [%s] %zu candidates, %.2f ms -> %.2f ms, %.0f s left  %.24s",
               bar.c_str(), p.candidates, p.untuned, p.best, left, p.layer.c_str());
  std::fflush(stderr);
  visible_ = true;
}

}  // namespace tessera::app
