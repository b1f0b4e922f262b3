/// \file
/// Annotated class maps that belong to images.
#pragma once

#include <map>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>

#include "apps/common/files.hpp"
#include "apps/common/labels.hpp"

namespace tessera::app {

/// The annotations below a folder, found by file stem. Cityscapes' names are understood, too:
/// `x_leftImg8bit` goes with `x_gtFine_labelTrainIds`, else with `x_gtFine_labelIds` (in the data set's
/// numbering).
class Annotations {
 public:
  /// Throws Error(InvalidArgument) where the folder does not exist or holds no images.
  Annotations(const fs::path& folder, LabelSet labels);

  /// The file for an image; none where there is none.
  std::optional<fs::path> find(const fs::path& image) const;
  /// Class ids, 8-bit; 255 where not annotated. One channel holds ids; three hold the label set's colours.
  /// Warns where nothing in it is scored.
  cv::Mat read(const fs::path& annotation) const;

 private:
  cv::Mat decode(const fs::path& annotation) const;

  std::map<std::string, fs::path> byStem_;
  LabelSet labels_;
};

}  // namespace tessera::app
