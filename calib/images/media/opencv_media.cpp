// tessera-media.so: pictures and videos through OpenCV.
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>
#include <string_view>

#include "calib/images/media.hpp"

namespace tessera {
namespace {

class OpenCvReader final : public VideoReader {
 public:
  explicit OpenCvReader(const std::string& file) : video_(file) {}
  bool opened() const { return video_.isOpened(); }
  double framesPerSecond() const override { return video_.get(cv::CAP_PROP_FPS); }
  double frames() const override { return video_.get(cv::CAP_PROP_FRAME_COUNT); }
  bool seek(double frame) override { return video_.set(cv::CAP_PROP_POS_FRAMES, frame); }
  bool read(cv::Mat& frame) override { return video_.read(frame); }

 private:
  cv::VideoCapture video_;
};

class OpenCvWriter final : public VideoWriter {
 public:
  OpenCvWriter(const std::string& file, double framesPerSecond, cv::Size size)
      : video_(file, cv::VideoWriter::fourcc('m', 'p', '4', 'v'), framesPerSecond, size) {}
  bool opened() const { return video_.isOpened(); }
  void write(const cv::Mat& frame) override { video_.write(frame); }

 private:
  cv::VideoWriter video_;
};

class OpenCvMedia final : public Media {
 public:
  cv::Mat decode(std::string& bytes, int flags) const override {
    return cv::imdecode(cv::Mat(1, static_cast<int>(bytes.size()), CV_8U, bytes.data()), flags);
  }
  bool encode(const std::string& extension, const cv::Mat& image,
              std::vector<unsigned char>& bytes) const override {
    return cv::imencode(extension, image, bytes);
  }
  std::unique_ptr<VideoReader> readVideo(const std::string& file) const override {
    auto video = std::make_unique<OpenCvReader>(file);
    return video->opened() ? std::move(video) : nullptr;
  }
  std::unique_ptr<VideoWriter> writeVideo(const std::string& file, double framesPerSecond,
                                          cv::Size size) const override {
    auto video = std::make_unique<OpenCvWriter>(file, framesPerSecond, size);
    return video->opened() ? std::move(video) : nullptr;
  }
};

}  // namespace
}  // namespace tessera

// Null for a program of another version.
extern "C" __attribute__((visibility("default"))) const tessera::Media* tesseraMedia(const char* version) {
  static const tessera::OpenCvMedia made;
  return version == std::string_view(TESSERA_VERSION) ? &made : nullptr;
}
