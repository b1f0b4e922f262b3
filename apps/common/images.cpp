// Image files.
#include "apps/common/images.hpp"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>

#include "base/text.hpp"
#include "calib/images/image_file.hpp"
#include "calib/images/media.hpp"
#include "tessera/error.hpp"

namespace tessera::app {
namespace {

bool isBelow(const fs::path& file, const fs::path& folder) {
  if (folder.empty()) return false;
  const fs::path relative = fs::weakly_canonical(file).lexically_relative(fs::weakly_canonical(folder));
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

bool hasImageExtension(const fs::path& file) {
  static const std::set<std::string> known{".png", ".jpg", ".jpeg", ".bmp", ".ppm",
                                           ".pgm", ".tif", ".tiff", ".webp"};
  const std::string extension = lowerCase(file.extension().string());
  return known.count(extension) > 0;
}

std::string uniqueName(const std::string& stem, std::set<std::string>& taken) {
  std::string name = stem;
  for (int i = 2; !taken.insert(name).second; ++i) name = stem + "_" + std::to_string(i);
  return name;
}

std::vector<ImageFile> listImages(const std::vector<std::string>& paths, const fs::path& without) {
  std::vector<fs::path> files;
  for (const fs::path path : paths) {
    if (!fs::exists(path))
      throw Error(ErrorCode::InvalidArgument, "There is no image or folder " + path.string() + ".");
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<fs::path> found;
    const auto consider = [&](const fs::directory_entry& entry) {
      if (entry.is_regular_file() && hasImageExtension(entry.path()) &&
          !entry.path().filename().string().starts_with('.') &&
          !(isBelow(entry.path(), without) && !isBelow(path, without)))
        found.push_back(entry.path());
    };
    for (const auto& entry : fs::directory_iterator(path)) consider(entry);
    if (found.empty())
      for (const auto& entry :
           fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied))
        consider(entry);
    if (found.empty())
      throw Error(ErrorCode::InvalidArgument, "The folder " + path.string() + " holds no images.");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  std::vector<ImageFile> images;
  std::set<std::string> names;
  for (const fs::path& file : files) {
    images.push_back({file, uniqueName(file.stem().string(), names)});
  }
  return images;
}

cv::Mat readImage(const fs::path& file) { return readImageFile(file, cv::IMREAD_COLOR); }
cv::Mat readImageUnchanged(const fs::path& file) { return readImageFile(file, cv::IMREAD_UNCHANGED); }

void writeImage(const fs::path& file, const cv::Mat& image) {
  std::vector<unsigned char> bytes;
  if (!media().encode(file.extension().string(), image, bytes))
    throw Error(ErrorCode::InvalidArgument, "Can not write " + file.string() + " as an image.");
  writeFile(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

ImageView viewOf(const cv::Mat& image) { return {image.data, image.rows, image.cols}; }

}  // namespace tessera::app
