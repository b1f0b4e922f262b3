/// \file
/// Names of the classes beside an overlay.
#pragma once

#include <opencv2/core/mat.hpp>

#include "apps/common/labels.hpp"

namespace tessera::app {

/// The picture with a row of coloured names below it, for the classes that `classes` shows on at least 0.1 %
/// of it.
cv::Mat withLegend(const cv::Mat& picture, const cv::Mat& classes, const LabelSet& labels);

}  // namespace tessera::app
