// Streams of frames.
#include "apps/segmenter/frames.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <new>
#include <optional>

#include "apps/common/background.hpp"
#include "apps/common/images.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

// The next frames that could be read, at most `size`; reports the others.
std::vector<Frame> nextBatch(ReadAhead<Frame>& frames, std::size_t size, FrameStatistics& statistics,
                             Progress& progress) {
  std::vector<Frame> batch;
  while (batch.size() < size) {
    std::optional<Frame> frame = frames.next();
    if (!frame) break;
    if (frame->error.empty()) {
      batch.push_back(std::move(*frame));
      continue;
    }
    ++statistics.failed;
    progress.advance();
    log().error("{}", frame->error);
  }
  return batch;
}

}  // namespace

cv::Mat wrap(std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width, int channels) {
  return cv::Mat(static_cast<int>(height), static_cast<int>(width), CV_8UC(channels), pixels.data());
}

cv::Mat classImage(std::vector<std::uint8_t>& classes, const std::vector<std::int32_t>& wide,
                   std::int64_t height, std::int64_t width, bool numberOpen) {
  if (wide.empty()) return wrap(classes, height, width, 1);
  const bool bytes =
      numberOpen && std::all_of(wide.begin(), wide.end(), [](std::int32_t c) { return c < 256; });
  const cv::Mat stored(static_cast<int>(height), static_cast<int>(width), CV_32SC1,
                       const_cast<std::int32_t*>(wide.data()));
  cv::Mat image;
  stored.convertTo(image, bytes ? CV_8U : CV_16U);
  return image;
}

namespace {

using Clock = std::chrono::steady_clock;

// Frames on their way through the device, oldest first.
class Pipeline {
 public:
  Pipeline(Segmentation& segmentation, const FrameSink& sink, Progress& progress, FrameStatistics& statistics)
      : segmentation_(segmentation), sink_(sink), progress_(progress), statistics_(statistics) {}

  void add(std::vector<Frame> batch) {
    submit(std::move(batch));
    if (segmentation_.waiting() == 2) collect();
    retry();
  }
  void finish() {
    while (segmentation_.waiting() > 0) collect();
    retry();
    if (begin_) statistics_.seconds = std::chrono::duration<double>(Clock::now() - *begin_).count();
  }

 private:
  void submit(std::vector<Frame> batch) {
    std::vector<ImageView> views;
    for (const Frame& frame : batch) views.push_back(viewOf(frame.image));
    guard(batch, [&] {
      if (!begin_) {
        segmentation_.submit(views);
        segmentation_.collect();
        begin_ = Clock::now();
      }
      segmentation_.submit(views);
      waiting_.push_back(std::move(batch));
    });
  }
  void collect() {
    std::vector<Frame> inputs = std::move(waiting_.front());
    waiting_.pop_front();
    SegmentedBatch batch;
    if (!guard(inputs, [&] { batch = segmentation_.collect(); })) return;
    statistics_.network.push_back(batch.network);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      statistics_.preprocess.push_back(batch.preprocess);
      ++statistics_.images;
      sink_(std::move(inputs[i]), std::move(batch.images[i]));
      progress_.advance();
    }
  }
  // Batches that failed, once more image by image: one that is too large must not cost its neighbours.
  void retry() {
    while (!failed_.empty()) {
      while (segmentation_.waiting() > 0) collect();
      std::vector<Frame> batch = std::move(failed_.front());
      failed_.pop_front();
      for (Frame& frame : batch) {
        std::vector<Frame> one;
        one.push_back(std::move(frame));
        submit(std::move(one));
        while (segmentation_.waiting() > 0) collect();
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
    log().error("{} ({}x{}) can not be segmented and is left out: {}", frame.file, frame.image.cols,
                frame.image.rows, why);
    ++statistics_.failed;
    progress_.advance();
  }

  Segmentation& segmentation_;
  const FrameSink& sink_;
  Progress& progress_;
  FrameStatistics& statistics_;
  std::deque<std::vector<Frame>> waiting_, failed_;
  std::optional<Clock::time_point> begin_;
};

}  // namespace

FrameStatistics segmentFrames(Segmentation& segmentation, FrameSource source, const FrameSink& sink,
                              Progress& progress) {
  const auto size = static_cast<std::size_t>(segmentation.batch());
  FrameStatistics statistics;
  Pipeline pipeline(segmentation, sink, progress, statistics);
  ReadAhead<Frame> frames(std::move(source), size + 1);
  while (true) {
    std::vector<Frame> batch = nextBatch(frames, size, statistics, progress);
    if (batch.empty()) break;
    pipeline.add(std::move(batch));
  }
  pipeline.finish();
  return statistics;
}

}  // namespace tessera::app
