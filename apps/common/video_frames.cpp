// Videos frame by frame.
#include "apps/common/video_frames.hpp"

#include <opencv2/videoio.hpp>

#include "apps/common/videos.hpp"

namespace tessera::app {
namespace {

cv::VideoCapture openVideo(const fs::path& file) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorCode::InvalidArgument, "Can not read video " + file.string() + ": " + reason + ".");
  };
  // What is no name of a file may still be one to OpenCV: a numbered series of images, say.
  if (std::error_code ignored; fs::exists(file, ignored)) {
    if (const std::string why = whyNotRegular(file); !why.empty()) refuse(why);
    if (const std::string why = whyTruncatedVideo(file); !why.empty()) refuse(why);
  }
  cv::VideoCapture video(file.string());
  if (!video.isOpened()) refuse("it is missing, damaged, or in a format that OpenCV does not know");
  return video;
}

// A video that is written; the first picture says how large it is.
class VideoFile {
 public:
  VideoFile(const fs::path& file, double rate) : file_(file.string()), rate_(rate) {}
  void write(const cv::Mat& picture) {
    if (!writer_.isOpened() &&
        !writer_.open(file_, cv::VideoWriter::fourcc('m', 'p', '4', 'v'), rate_, picture.size()))
      throw Error(ErrorCode::InvalidArgument, "OpenCV can not write an MPEG-4 video to " + file_ + ".");
    writer_.write(picture);
  }
  void close() { writer_.release(); }

 private:
  std::string file_;
  double rate_;
  cv::VideoWriter writer_;
};

}  // namespace

FrameStatistics runVideo(const fs::path& file, const fs::path& target, const std::string& doing,
                         const VideoRun& run) {
  cv::VideoCapture video = openVideo(file);
  const double rate = video.get(cv::CAP_PROP_FPS) > 0 ? video.get(cv::CAP_PROP_FPS) : 25;
  const double promised = video.get(cv::CAP_PROP_FRAME_COUNT);
  Progress progress(doing + " " + file.filename().string(), static_cast<std::size_t>(std::max(0.0, promised)),
                    "frames");
  const auto source = [&]() -> std::optional<Frame> {
    Frame frame;
    frame.file = file.string();
    if (!video.read(frame.image)) return std::nullopt;
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

cv::Size firstSize(const std::vector<ImageFile>& files, const std::vector<std::string>& videos) {
  for (const ImageFile& file : files) try {
      return readImage(file.path).size();
    } catch (const Error&) {  // reported where it is its turn
    }
  for (const std::string& file : videos) {
    cv::VideoCapture video(file);
    cv::Mat frame;
    if (video.isOpened() && video.read(frame)) return frame.size();
  }
  throw Error(
      ErrorCode::InvalidArgument,
      "The model leaves the size of its images open, and no image can be read: give the size with --shape.");
}

}  // namespace tessera::app
