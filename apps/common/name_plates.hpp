/// \file
/// Where the names of boxes stand in a picture.
#pragma once

#include <functional>
#include <opencv2/core/types.hpp>
#include <string>
#include <vector>

#include "apps/common/labels.hpp"
#include "tessera/detection.hpp"

namespace tessera::app {

/// The name of one box, on a plate.
struct NamePlate {
  std::size_t object = 0;  ///< index of its box
  std::string text;        ///< class and score, or the score alone
  cv::Rect at;
};

/// The pixels of a picture that a box has.
cv::Rect pixelsOf(const Box& box);

/// Plates that cover neither each other nor much of what other boxes show. Boxes come by falling score, and
/// the first has the choice; one whose class and score find no room gets the score alone, or nothing.
/// `extent`: of a plate with a text.
std::vector<NamePlate> placeNames(const std::vector<DetectedObject>& objects, const LabelSet& labels,
                                  const cv::Size& picture,
                                  const std::function<cv::Size(const std::string&)>& extent);

}  // namespace tessera::app
