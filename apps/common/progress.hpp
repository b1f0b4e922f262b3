/// \file
/// A progress bar on stderr.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "tessera/tuning.hpp"

namespace tessera::app {

/// Shows how far a task is, where stderr is a terminal and the task takes more than a second.
class Progress {
 public:
  Progress(std::string what, std::size_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(std::size_t steps = 1);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);

  std::string what_, unit_;
  std::size_t total_, done_ = 0;
  Clock::time_point begin_ = Clock::now(), drawn_{};
  bool terminal_ = false, visible_ = false;
};

/// Shows how far tuning is, with the best time so far, where stderr is a terminal.
class TuneBar {
 public:
  /// `hint`: a line for stderr, terminal or not, when a search begins; empty: none.
  explicit TuneBar(std::string hint = {});
  ~TuneBar();
  TuneBar(const TuneBar&) = delete;
  TuneBar& operator=(const TuneBar&) = delete;
  void show(const TuneProgress& progress);

 private:
  std::string hint_;
  bool terminal_ = false, visible_ = false;
};

}  // namespace tessera::app
