/// \file
/// Videos frame by frame through a network.
#pragma once

#include <functional>
#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "apps/common/frames.hpp"

namespace tessera::app {

/// Takes the pictures of a video that is written, in their order; null where none is.
using VideoSink = std::function<void(const cv::Mat& picture)>;
/// Runs the frames of `source` and gives their results' pictures to the sink.
using VideoRun =
    std::function<FrameStatistics(FrameSource source, const VideoSink& sink, Progress& progress)>;

/// Reads the video `file` and writes `target` (MPEG-4; empty: nothing), complete or not at all. `doing`: of
/// the progress bar. Throws Error(InvalidArgument) that names the file where it can not be read, is truncated
/// or has no frames, or where the target can not be written.
FrameStatistics runVideo(const fs::path& file, const fs::path& target, const std::string& doing,
                         const VideoRun& run);

/// Runs each video under a name of its own for its results. One that can not be read or written is reported,
/// and the others follow; whether there was none such. Throws its Error where nothing else is left: no video,
/// nor `others`.
bool eachVideo(const std::vector<std::string>& videos, bool others,
               const std::function<void(const std::string& video, const std::string& name)>& run);

/// Rows and columns of the first picture that can be read: the size of a network that leaves it open.
cv::Size firstSize(const std::vector<ImageFile>& files, const std::vector<std::string>& videos);

}  // namespace tessera::app
