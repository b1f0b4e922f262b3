// Videos frame by frame.
#include "apps/common/video_frames.hpp"

#include <spdlog/logger.h>

#include <memory>
#include <set>

#include "apps/common/images.hpp"
#include "apps/common/videos.hpp"
#include "calib/images/media.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

std::unique_ptr<VideoReader> openVideo(const fs::path& file) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorCode::InvalidArgument, "Can not read video " + file.string() + ": " + reason + ".");
  };
  // What is no name of a file may still be one to OpenCV: a numbered series of images, say.
  if (std::error_code ignored; fs::exists(file, ignored)) {
    if (const std::string why = whyNotRegular(file); !why.empty()) refuse(why);
    if (const std::string why = whyTruncatedVideo(file); !why.empty()) refuse(why);
  }
  auto video = media().readVideo(file.string());
  if (!video) refuse("it is missing, damaged, or in a format that OpenCV does not know");
  return video;
}

// A video that is written; the first picture says how large it is.
class VideoFile {
 public:
  VideoFile(const fs::path& file, double rate) : file_(file.string()), rate_(rate) {}
  void write(const cv::Mat& picture) {
    if (!writer_) writer_ = media().writeVideo(file_, rate_, picture.size());
    if (!writer_)
      throw Error(ErrorCode::InvalidArgument, "OpenCV can not write an MPEG-4 video to " + file_ + ".");
    writer_->write(picture);
  }
  void close() { writer_.reset(); }

 private:
  std::string file_;
  double rate_;
  std::unique_ptr<VideoWriter> writer_;
};

}  // namespace

FrameStatistics runVideo(const fs::path& file, const fs::path& target, const std::string& doing,
                         const VideoRun& run) {
  const std::unique_ptr<VideoReader> video = openVideo(file);
  const double rate = video->framesPerSecond() > 0 ? video->framesPerSecond() : 25;
  const double promised = video->frames();
  Progress progress(doing + " " + file.filename().string(), static_cast<std::size_t>(std::max(0.0, promised)),
                    "frames");
  const auto source = [&]() -> std::optional<Frame> {
    Frame frame;
    frame.file = file.string();
    if (!video->read(frame.image)) return std::nullopt;
    return frame;
  };
  FrameStatistics frames;
  const auto runInto = [&](const fs::path& temporary) {
    VideoFile written(temporary, rate);
    VideoSink sink;
    if (!temporary.empty()) sink = [&](const cv::Mat& picture) { written.write(picture); };
    frames = run(source, sink, progress);
    if (frames.images == 0)
      throw Error(ErrorCode::InvalidArgument, "The video " + file.string() + " has no frames.");
    if (static_cast<double>(frames.images) < 0.98 * promised - 1)
      log().warn("{} promises {:.0f} frames; {} could be read", file.string(), promised, frames.images);
    written.close();
    if (!temporary.empty()) requireFrames(temporary, frames.images, target);
  };
  if (target.empty())
    runInto({});
  else
    writeAtomically(target, runInto);
  return frames;
}

bool eachVideo(const std::vector<std::string>& videos, bool others,
               const std::function<void(const std::string& video, const std::string& name)>& run) {
  std::set<std::string> names;
  std::size_t failed = 0;
  for (const std::string& video : videos) {
    const std::string name = uniqueName(fs::path(video).stem().string(), names);
    try {
      run(video, name);
    } catch (const Error& e) {
      ++failed;
      if (!others && failed == videos.size()) throw;
      log().error("{}", e.what());
    }
  }
  return failed == 0;
}

cv::Size firstSize(const std::vector<ImageFile>& files, const std::vector<std::string>& videos) {
  for (const ImageFile& file : files) try {
      return readImage(file.path).size();
    } catch (const Error&) {  // reported where it is its turn
    }
  for (const std::string& file : videos) {
    const auto video = media().readVideo(file);
    cv::Mat frame;
    if (video && video->read(frame)) return frame.size();
  }
  throw Error(
      ErrorCode::InvalidArgument,
      "The model leaves the size of its images open, and no image can be read: give the size with --shape.");
}

}  // namespace tessera::app
