/// \file
/// Whether video files are whole: OpenCV reads and writes what it can and says nothing of the rest.
#pragma once

#include <cstddef>
#include <string>

#include "apps/common/files.hpp"

namespace tessera::app {

/// Why a video ends before its last frame; empty where its container does not say so. Knows AVI, MP4 and MOV,
/// Matroska and WebM.
std::string whyTruncatedVideo(const fs::path& file);

/// Throws Error(InvalidArgument) where the video that was written does not hold its frames: a full disk is
/// found out by reading it. `target`: its name in messages.
void requireFrames(const fs::path& video, std::size_t frames, const fs::path& target);

}  // namespace tessera::app
