// Image files through OpenCV.
#include "calib/images/image_file.hpp"

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>

#include "base/read_file.hpp"
#include "calib/images/media.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

constexpr std::uintmax_t kImageFileLimit = std::uintmax_t{512} << 20;

}  // namespace

cv::Mat readImageFile(const std::filesystem::path& file, int flags) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorCode::InvalidArgument, "Can not read image " + file.string() + ": " + reason + ".");
  };
  FileContent content = readRegularFile(file, kImageFileLimit);
  if (!content.ok()) refuse(content.why);
  if (content.bytes.empty()) refuse("it is empty");
  if (const std::string why = whyDamaged(content.bytes); !why.empty()) refuse(why);
  cv::utils::logging::setLogLevel(
      cv::utils::logging::LOG_LEVEL_SILENT);  // what it says comes as an error below
  cv::Mat image;
  try {
    image = media().decode(content.bytes, flags);
  } catch (const cv::Exception& e) {
    refuse(e.err);
  }
  if (image.empty()) refuse("it is no image in a known format, or damaged");
  return image;
}

}  // namespace tessera
