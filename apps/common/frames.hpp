/// \file
/// Streams of frames through networks that take images (Segmentation, Runner).
#pragma once

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/images.hpp"
#include "apps/common/progress.hpp"
#include "apps/common/write_behind.hpp"
#include "tessera/error.hpp"
#include "tessera/image_pool.hpp"
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

/// What `Network` makes of one image.
template <class Network>
using FrameSink = std::function<void(Frame frame, ImageResult<Network> result)>;

/// Networks that share a stream of images: each is a context of the same engine.
template <class Network>
using Networks = std::vector<std::shared_ptr<Network>>;

/// One stream of frames: read by the caller, run by a pool, and given to the sink on a thread of its own.
template <class Network>
class FrameStream {
 public:
  FrameStream(const Networks<Network>& networks, const FrameSink<Network>& sink, Progress& progress)
      : networks_(networks), sink_(sink), progress_(progress) {}

  FrameStatistics run(const FrameSource& source) {
    const auto batch = static_cast<std::size_t>(networks_.front()->batch());
    PoolOptions options;
    options.queue = batch * (2 * networks_.size() + 1);  // two batches on each network's way, and one to come
    options.delay = std::chrono::hours(1);               // whole batches; the last is what is left
    options.inOrder = true;
    WriteBehind results(std::max<std::size_t>(batch, 4));
    results_ = &results;
    ImagePool<Network> pool(networks_, options);
    try {
      feed(pool, source);
      if (!failed()) pool.finish();
      results.finish();
    } catch (...) {
      fail();
    }
    if (failed()) std::rethrow_exception(failure_);
    if (begin_) statistics_.seconds = std::chrono::duration<double>(Clock::now() - *begin_).count();
    return std::move(statistics_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void feed(ImagePool<Network>& pool, const FrameSource& source) {
    while (!failed()) {
      std::optional<Frame> frame = source();
      if (!frame) return;
      if (!frame->error.empty()) {
        leaveOut(frame->error);
        continue;
      }
      if (!begin_) {
        warmUp(frame->image);
        begin_ = Clock::now();
      }
      const ImageView view = viewOf(frame->image);
      auto shared = std::make_shared<Frame>(*std::move(frame));
      pool.submit(view, [this, shared](ImagePoolResult<Network> result) {
        auto made = std::make_shared<ImagePoolResult<Network>>(std::move(result));
        results_->post([this, shared, made] { take(std::move(*shared), std::move(*made)); });
      });
    }
  }

  // Drivers finish their work at the first run, which is not to be counted.
  void warmUp(const cv::Mat& image) {
    const std::vector<ImageView> views(static_cast<std::size_t>(networks_.front()->batch()), viewOf(image));
    for (const auto& network : networks_) try {
        network->submit(views);
        network->collect();
      } catch (const Error&) {  // told of where it is the image's turn
      } catch (const std::bad_alloc&) {
      }
  }

  void take(Frame frame, ImagePoolResult<Network> result) {
    if (failed()) return;
    try {
      if (result.error) return explain(frame, result.error);
      if (result.place == 0) statistics_.network.push_back(result.network);
      statistics_.preprocess.push_back(result.preprocess);
      if constexpr (requires(Network & n) { n.collect().postprocess; })
        statistics_.postprocess.push_back(result.postprocess);
      ++statistics_.images;
      sink_(std::move(frame), std::move(result.image));
      const std::lock_guard lock(mutex_);
      progress_.advance();
    } catch (...) {
      fail();
    }
  }

  void explain(const Frame& frame, const std::exception_ptr& error) {
    const auto leave = [&](const std::string& why) {
      leaveOut(frame.file + " (" + std::to_string(frame.image.cols) + "x" + std::to_string(frame.image.rows) +
               ") can not be processed and is left out: " + why);
    };
    try {
      std::rethrow_exception(error);
    } catch (const Error& e) {
      leave(e.what());
    } catch (const std::bad_alloc&) {
      leave("the host has no memory left");
    }
  }

  void leaveOut(const std::string& why) {
    const std::lock_guard lock(mutex_);
    log().error("{}", why);
    ++statistics_.failed;
    progress_.advance();
  }

  bool failed() {
    const std::lock_guard lock(mutex_);
    return failure_ != nullptr;
  }
  void fail() {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }

  const Networks<Network>& networks_;
  const FrameSink<Network>& sink_;
  Progress& progress_;
  WriteBehind* results_ = nullptr;
  std::optional<Clock::time_point> begin_;
  FrameStatistics statistics_;  ///< by the thread of the results, but `failed`
  std::mutex mutex_;            ///< of statistics_.failed, the progress and what follows
  std::exception_ptr failure_;  ///< what ends the stream
};

/// Runs every frame; results come in order. Frames are read by the caller's thread, computed by an ImagePool
/// and given to the sink by its threads, one at a time: the three overlap. A frame that can not be read, or
/// that the device can not take, is logged, counted and left out; what the sink throws ends the stream.
template <class Network>
FrameStatistics runFrames(const Networks<Network>& networks, const FrameSource& source,
                          const FrameSink<Network>& sink, Progress& progress) {
  return FrameStream<Network>(networks, sink, progress).run(source);
}

}  // namespace tessera::app
