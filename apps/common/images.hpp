/// \file
/// Image files through OpenCV.
#pragma once

#include <opencv2/core/mat.hpp>
#include <set>
#include <string>
#include <vector>

#include "apps/common/files.hpp"
#include "tessera/image.hpp"

namespace tessera::app {

/// An image to process and the name its results get: its stem, made unique.
struct ImageFile {
  fs::path path;
  std::string name;
};

/// `stem`, or `stem_2`, `stem_3`, .. where `taken` has it already; enters it.
std::string uniqueName(const std::string& stem, std::set<std::string>& taken);

/// Files as given; the image files of a folder, sorted, or of the folders below it where it has none itself;
/// nothing below `without`. Throws
/// Error(InvalidArgument) for a path that does not exist or a folder without images.
std::vector<ImageFile> listImages(const std::vector<std::string>& paths, const fs::path& without = {});
bool hasImageExtension(const fs::path& file);

/// 8-bit BGR. Throws Error(InvalidArgument) that names the file.
cv::Mat readImage(const fs::path& file);
/// As stored: channels and depth are kept.
cv::Mat readImageUnchanged(const fs::path& file);
/// The extension chooses the format.
void writeImage(const fs::path& file, const cv::Mat& image);

/// A view of a continuous 8-bit BGR image.
ImageView viewOf(const cv::Mat& image);

}  // namespace tessera::app
