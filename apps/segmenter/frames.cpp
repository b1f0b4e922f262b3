// Streams of frames.
#include "apps/segmenter/frames.hpp"

#include <spdlog/logger.h>

#include <chrono>
#include <deque>

#include "apps/common/background.hpp"
#include "apps/common/images.hpp"
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

FrameStatistics segmentFrames(Segmentation& segmentation, FrameSource source, const FrameSink& sink,
                              Progress& progress) {
  using Clock = std::chrono::steady_clock;
  const auto size = static_cast<std::size_t>(segmentation.batch());
  FrameStatistics statistics;
  std::deque<std::vector<Frame>> waiting;
  ReadAhead<Frame> frames(std::move(source), size + 1);
  const auto collect = [&] {
    SegmentedBatch batch = segmentation.collect();
    std::vector<Frame> inputs = std::move(waiting.front());
    waiting.pop_front();
    statistics.network.push_back(batch.network);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      statistics.preprocess.push_back(batch.preprocess);
      ++statistics.images;
      sink(std::move(inputs[i]), std::move(batch.images[i]));
      progress.advance();
    }
  };
  Clock::time_point begin;
  bool first = true;
  while (true) {
    std::vector<Frame> batch = nextBatch(frames, size, statistics, progress);
    if (batch.empty()) break;
    waiting.push_back(std::move(batch));
    std::vector<ImageView> views;
    for (const Frame& frame : waiting.back()) views.push_back(viewOf(frame.image));
    if (std::exchange(first, false)) {
      segmentation.submit(views);
      segmentation.collect();
      begin = Clock::now();
    }
    segmentation.submit(views);
    if (segmentation.waiting() == 2) collect();
  }
  while (segmentation.waiting() > 0) collect();
  if (!first) statistics.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return statistics;
}

}  // namespace tessera::app
