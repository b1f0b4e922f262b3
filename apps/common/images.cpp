// Image files.
#include "apps/common/images.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <opencv2/imgcodecs.hpp>

#include "base/text.hpp"
#include "calib/images/image_file.hpp"
#include "calib/images/media.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

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

namespace {

constexpr auto kSkipDenied = fs::directory_options::skip_permission_denied;

/// Those in the folder, or, where it has none, those in the folders below; links that lead nowhere and pipes,
/// too, for whoever reads them says what they are.
std::vector<fs::path> imagesIn(const fs::path& folder, const fs::path& without) {
  std::vector<fs::path> found, folders;
  const auto consider = [&](const fs::directory_entry& entry) {
    std::error_code none;
    if (!entry.is_directory(none) && hasImageExtension(entry.path()) &&
        !entry.path().filename().string().starts_with('.') &&
        !(isBelow(entry.path(), without) && !isBelow(folder, without)))
      found.push_back(entry.path());
  };
  for (const auto& entry : fs::directory_iterator(folder)) {
    consider(entry);
    if (std::error_code none; entry.is_directory(none)) folders.push_back(entry.path());
  }
  const std::size_t own = found.size();
  if (own == 0)
    for (const auto& entry : fs::recursive_directory_iterator(folder, kSkipDenied)) consider(entry);
  else
    for (const fs::path& below : folders)
      for (const auto& entry : fs::directory_iterator(below, kSkipDenied)) consider(entry);
  if (found.empty())
    throw Error(ErrorCode::InvalidArgument, "The folder " + folder.string() + " holds no images.");
  if (own > 0 && found.size() > own) {
    found.resize(own);
    log().info(
        "{} holds images itself, so those in the folders below it are left out; name the folders to take "
        "them",
        folder.string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<ImageFile> listImages(const std::vector<std::string>& paths, const fs::path& without) {
  std::vector<fs::path> files;
  for (const fs::path path : paths) {
    if (!fs::exists(path))
      throw Error(ErrorCode::InvalidArgument, "There is no image or folder " + path.string() + ".");
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    const std::vector<fs::path> found = imagesIn(path, without);
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
