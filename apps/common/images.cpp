// Image files.
#include "apps/common/images.hpp"

#include <algorithm>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "tessera/error.hpp"

namespace tessera::app {
namespace {

// Whether a JPEG file ends before its picture does; decoders fill the rest with grey and say nothing.
bool isTruncatedJpeg(const std::string& bytes) {
  return bytes.starts_with("\xff\xd8") && bytes.rfind("\xff\xd9") == std::string::npos;
}

cv::Mat decode(const fs::path& file, int flags) {
  cv::utils::logging::setLogLevel(
      cv::utils::logging::LOG_LEVEL_SILENT);  // what it says comes as an error below
  const std::string bytes = readFile(file);
  cv::Mat image;
  std::string reason = "it is no image in a known format, or damaged";
  try {
    if (isTruncatedJpeg(bytes))
      reason = "it ends before the picture does";
    else if (!bytes.empty())
      image = cv::imdecode(cv::Mat(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data())),
                           flags);
    else
      reason = "it is empty";
  } catch (const cv::Exception& e) {
    reason = e.err;
  }
  if (image.empty())
    throw Error(ErrorCode::InvalidArgument, "Can not read image " + file.string() + ": " + reason + ".");
  return image;
}

bool isBelow(const fs::path& file, const fs::path& folder) {
  if (folder.empty()) return false;
  const fs::path relative = fs::weakly_canonical(file).lexically_relative(fs::weakly_canonical(folder));
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

bool hasImageExtension(const fs::path& file) {
  static const std::set<std::string> known{".png", ".jpg", ".jpeg", ".bmp", ".ppm",
                                           ".pgm", ".tif", ".tiff", ".webp"};
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
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

cv::Mat readImage(const fs::path& file) { return decode(file, cv::IMREAD_COLOR); }
cv::Mat readImageUnchanged(const fs::path& file) { return decode(file, cv::IMREAD_UNCHANGED); }

void writeImage(const fs::path& file, const cv::Mat& image) {
  std::vector<unsigned char> bytes;
  if (!cv::imencode(file.extension().string(), image, bytes))
    throw Error(ErrorCode::InvalidArgument, "Can not write " + file.string() + " as an image.");
  writeFile(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

ImageView viewOf(const cv::Mat& image) { return {image.data, image.rows, image.cols}; }

}  // namespace tessera::app
