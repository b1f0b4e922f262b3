/// \file
/// Text and boxes on pictures.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "apps/common/labels.hpp"
#include "tessera/detection.hpp"

namespace tessera::app {

/// Blue, green, red of a class, for drawing.
cv::Scalar colorOf(const LabelSet& labels, int index);

/// Draws lines of text on a dark plate in the upper left corner, sized to the picture.
void drawCaption(cv::Mat& picture, const std::vector<std::string>& lines);

/// Draws boxes with plates of class and score, as placeNames() says; higher scores over lower ones.
void drawObjects(cv::Mat& picture, const std::vector<DetectedObject>& objects, const LabelSet& labels);

}  // namespace tessera::app
