/// \file
/// Streams of frames through a network that takes batches of images (Segmentation, Runner).
#pragma once

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <new>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/background.hpp"
#include "apps/common/images.hpp"
#include "apps/common/progress.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera::app {

/// An image to process, or why it could not be read.
struct Frame {
  std::string name;
  std::string file;  ///< for messages
  cv::Mat image;
  cv::Mat annotation;  ///< of a segmentation; empty: none
  std::string error;
};

using FrameSource = std::function<std::optional<Frame>()>;

struct FrameStatistics {
  std::size_t images = 0;
  std::size_t failed = 0;           ///< could not be read, or were too much for the device
  std::vector<double> network;      ///< milliseconds of device time per batch
  std::vector<double> preprocess;   ///< and per image
  std::vector<double> postprocess;  ///< milliseconds on the host per image, where the network does that
  double seconds = 0;               ///< from the first image to the last result

  void append(const FrameStatistics& more);
};

/// Images that are read as they are wanted. What can not be read comes as an error.
FrameSource imageSource(std::vector<ImageFile> files);

/// The next frames that could be read, at most `size`; reports the others.
std::vector<Frame> nextFrames(ReadAhead<Frame>& frames, std::size_t size, FrameStatistics& statistics,
                              Progress& progress);

/// What `Network` makes of one image.
template <class Network>
using ResultOf = typename decltype(std::declval<Network&>().collect().images)::value_type;
template <class Network>
using FrameSink = std::function<void(Frame frame, ResultOf<Network> result)>;

/// Frames on their way through the device, oldest first.
template <class Network>
class FramePipeline {
 public:
  FramePipeline(Network& network, const FrameSink<Network>& sink, Progress& progress,
                FrameStatistics& statistics)
      : network_(network), sink_(sink), progress_(progress), statistics_(statistics) {}

  void add(std::vector<Frame> batch) {
    submit(std::move(batch));
    if (network_.waiting() == 2) collect();
    retry();
  }
  void finish() {
    while (network_.waiting() > 0) collect();
    retry();
    if (begin_) statistics_.seconds = std::chrono::duration<double>(Clock::now() - *begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void submit(std::vector<Frame> batch) {
    std::vector<ImageView> views;
    for (const Frame& frame : batch) views.push_back(viewOf(frame.image));
    guard(batch, [&] {
      if (!begin_) {
        network_.submit(views);
        network_.collect();
        begin_ = Clock::now();
      }
      network_.submit(views);
      waiting_.push_back(std::move(batch));
    });
  }
  void collect() {
    std::vector<Frame> inputs = std::move(waiting_.front());
    waiting_.pop_front();
    decltype(network_.collect()) batch;
    if (!guard(inputs, [&] { batch = network_.collect(); })) return;
    statistics_.network.push_back(batch.network);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      statistics_.preprocess.push_back(batch.preprocess);
      if constexpr (requires { batch.postprocess; }) statistics_.postprocess.push_back(batch.postprocess);
      ++statistics_.images;
      sink_(std::move(inputs[i]), std::move(batch.images[i]));
      progress_.advance();
    }
  }
  // Batches that failed, once more image by image: one that is too large must not cost its neighbours.
  void retry() {
    while (!failed_.empty()) {
      while (network_.waiting() > 0) collect();
      std::vector<Frame> batch = std::move(failed_.front());
      failed_.pop_front();
      for (Frame& frame : batch) {
        std::vector<Frame> one;
        one.push_back(std::move(frame));
        submit(std::move(one));
        while (network_.waiting() > 0) collect();
      }
    }
  }
  template <class Work>
  bool guard(std::vector<Frame>& frames, Work&& work) {
    try {
      work();
      return true;
    } catch (const Error& e) {
      fail(frames, e.what());
    } catch (const std::bad_alloc&) {
      fail(frames, "the host has no memory left");
    }
    return false;
  }
  void fail(std::vector<Frame>& frames, const std::string& why) {
    if (frames.size() > 1) return failed_.push_back(std::move(frames));
    const Frame& frame = frames.front();
    log().error("{} ({}x{}) can not be processed and is left out: {}", frame.file, frame.image.cols,
                frame.image.rows, why);
    ++statistics_.failed;
    progress_.advance();
  }

  Network& network_;
  const FrameSink<Network>& sink_;
  Progress& progress_;
  FrameStatistics& statistics_;
  std::deque<std::vector<Frame>> waiting_, failed_;
  std::optional<Clock::time_point> begin_;
};

/// Runs every frame, in order. Frames are read ahead on another thread; one batch is computed while the next
/// is uploaded. The first batch runs twice, since drivers finish their work at the first run. A frame that
/// can not be read, or that the device can not take, is logged, counted and left out.
template <class Network>
FrameStatistics runFrames(Network& network, FrameSource source, const FrameSink<Network>& sink,
                          Progress& progress) {
  const auto size = static_cast<std::size_t>(network.batch());
  FrameStatistics statistics;
  FramePipeline<Network> pipeline(network, sink, progress, statistics);
  ReadAhead<Frame> frames(std::move(source), size + 1);
  while (true) {
    std::vector<Frame> batch = nextFrames(frames, size, statistics, progress);
    if (batch.empty()) break;
    pipeline.add(std::move(batch));
  }
  pipeline.finish();
  return statistics;
}

}  // namespace tessera::app
