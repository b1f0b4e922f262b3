// Finding and reading annotations.
#include "apps/segmenter/annotations.hpp"

#include <algorithm>
#include <array>

#include "apps/common/images.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

constexpr std::uint8_t kNotAnnotated = 255;
constexpr std::string_view kDatasetIds = "_labelIds", kImageSuffix = "_leftImg8bit";

}  // namespace

Annotations::Annotations(const fs::path& folder, LabelSet labels) : labels_(std::move(labels)) {
  if (!fs::is_directory(folder))
    throw Error(ErrorCode::InvalidArgument, "There is no folder of annotations " + folder.string() + ".");
  for (const ImageFile& file : listImages({folder.string()}))
    byStem_.emplace(file.path.stem().string(), file.path);
}

std::optional<fs::path> Annotations::find(const fs::path& image) const {
  const std::string stem = image.stem().string();
  std::vector<std::string> candidates{stem};
  if (stem.ends_with(kImageSuffix)) {
    const std::string base = stem.substr(0, stem.size() - kImageSuffix.size());
    for (const char* suffix : {"_gtFine_labelTrainIds", "_gtFine_labelIds", "_gtCoarse_labelIds"})
      candidates.push_back(base + suffix);
  }
  for (const std::string& candidate : candidates)
    if (const auto it = byStem_.find(candidate); it != byStem_.end()) return it->second;
  return std::nullopt;
}

cv::Mat Annotations::decode(const fs::path& annotation) const {
  const cv::Mat stored = readImageUnchanged(annotation);
  if (stored.type() != CV_8UC1 && stored.type() != CV_8UC3)
    throw Error(ErrorCode::InvalidArgument,
                annotation.string() + " is no annotation: neither 8-bit class ids nor 8-bit colours.");
  cv::Mat ids(stored.size(), CV_8UC1, cv::Scalar(kNotAnnotated));
  if (stored.channels() == 3) {
    std::map<std::array<std::uint8_t, 3>, std::uint8_t> classOf;
    for (std::size_t c = 0; c < labels_.scored(); ++c)
      classOf.emplace(labels_.classes[c].color, static_cast<std::uint8_t>(c));
    for (int row = 0; row < stored.rows; ++row)
      for (int column = 0; column < stored.cols; ++column) {
        const auto& pixel = stored.at<cv::Vec3b>(row, column);
        const auto it = classOf.find({pixel[2], pixel[1], pixel[0]});
        if (it != classOf.end()) ids.at<std::uint8_t>(row, column) = it->second;
      }
    return ids;
  }
  std::array<std::uint8_t, 256> classOf{};
  const bool datasetIds = annotation.stem().string().ends_with(kDatasetIds);
  if (datasetIds) classOf.fill(kNotAnnotated);
  for (std::size_t c = 0; c < classOf.size(); ++c) {
    if (!datasetIds) classOf[c] = static_cast<std::uint8_t>(c);
    if (!datasetIds || c >= labels_.scored()) continue;
    const int id = labels_.classes[c].datasetId;
    if (id >= 0 && id < static_cast<int>(classOf.size()))
      classOf[static_cast<std::size_t>(id)] = static_cast<std::uint8_t>(c);
  }
  for (int row = 0; row < stored.rows; ++row)
    for (int column = 0; column < stored.cols; ++column)
      ids.at<std::uint8_t>(row, column) = classOf[stored.at<std::uint8_t>(row, column)];
  return ids;
}

cv::Mat Annotations::read(const fs::path& annotation) const {
  cv::Mat ids = decode(annotation);
  const std::size_t scored = labels_.scored();
  const auto isScored = [&](std::uint8_t id) { return id < scored; };
  if (std::none_of(ids.begin<std::uint8_t>(), ids.end<std::uint8_t>(), isScored))
    log().warn("{} shows no class of the labels '{}': nothing of it is scored", annotation.string(),
               labels_.name);
  return ids;
}

}  // namespace tessera::app
