/// \file
/// Compressed pictures and videos. OpenCV's modules for them, imgcodecs and videoio, bring 220 further
/// libraries, a quarter of a short program's time; so they are opened with the first file that is read or
/// written.
#pragma once

#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

namespace tessera {

/// A video, frame by frame.
class VideoReader {
 public:
  virtual ~VideoReader() = default;
  virtual double framesPerSecond() const = 0;  ///< 0 where the file does not say
  virtual double frames() const = 0;           ///< as the file says; 0 where it does not
  /// The next frame to be read is the one of that number; false where that is not possible.
  virtual bool seek(double frame) = 0;
  /// The next frame, in blue, green, red; false behind the last one.
  virtual bool read(cv::Mat& frame) = 0;
};

/// A video that is written; complete once it is destroyed.
class VideoWriter {
 public:
  virtual ~VideoWriter() = default;
  virtual void write(const cv::Mat& frame) = 0;
};

/// What OpenCV knows of files of pictures and videos.
class Media {
 public:
  virtual ~Media() = default;
  /// A picture out of a file's bytes; empty where they are none. Throws cv::Exception. `flags`:
  /// cv::ImreadModes.
  virtual cv::Mat decode(std::string& bytes, int flags) const = 0;
  /// A picture as a file whose name ends in `extension`, as ".png"; false where there is no such format.
  virtual bool encode(const std::string& extension, const cv::Mat& image,
                      std::vector<unsigned char>& bytes) const = 0;
  /// Null where the file is no video.
  virtual std::unique_ptr<VideoReader> readVideo(const std::string& file) const = 0;
  /// MPEG-4; null where that can not be written.
  virtual std::unique_ptr<VideoWriter> writeVideo(const std::string& file, double framesPerSecond,
                                                  cv::Size size) const = 0;
};

/// Opened at the first call. Throws Error(Internal) where `tessera-media.so` is not where it was built or
/// installed, or can not be loaded.
const Media& media();

}  // namespace tessera
