/// \file
/// Reading image files, and refusing those that are damaged or end before their picture does.
#pragma once

#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

namespace tessera {

constexpr const char* kEndsEarly = "it ends before the picture does";

/// Why the picture in a file's bytes is not whole; empty where nothing says so. Decoders fill what is missing
/// with grey or black and say nothing. Looks at JPEG (as below), PNG (every chunk and its checksum), BMP,
/// PNM, WebP and TIFF (the extents that their headers give).
std::string whyDamaged(std::string_view bytes);
/// The same of a JPEG: what libjpeg finds wrong or missing in its coded data. Not every damage shows there.
std::string whyJpegDamaged(std::string_view bytes);

/// An image as OpenCV decodes it; `flags`: cv::ImreadModes. Throws Error(InvalidArgument) with the file and
/// the reason where it can not be read, is damaged, or is truncated.
cv::Mat readImageFile(const std::filesystem::path& file, int flags);

}  // namespace tessera
