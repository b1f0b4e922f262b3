// Streams of frames.
#include "apps/common/frames.hpp"

namespace tessera::app {

void FrameStatistics::append(const FrameStatistics& more) {
  images += more.images;
  failed += more.failed;
  seconds += more.seconds;
  network.insert(network.end(), more.network.begin(), more.network.end());
  preprocess.insert(preprocess.end(), more.preprocess.begin(), more.preprocess.end());
  postprocess.insert(postprocess.end(), more.postprocess.begin(), more.postprocess.end());
}

FrameSource imageSource(std::vector<ImageFile> files) {
  return [files = std::move(files), next = std::size_t{0}]() mutable -> std::optional<Frame> {
    if (next == files.size()) return std::nullopt;
    const ImageFile& file = files[next++];
    Frame frame{file.name, file.path.string(), {}, {}, {}};
    try {
      frame.image = readImage(file.path);
    } catch (const Error& e) {
      frame.error = e.what();
    }
    return frame;
  };
}

}  // namespace tessera::app
