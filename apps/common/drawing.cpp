// Pictures of results.
#include "apps/common/drawing.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "apps/common/name_plates.hpp"

namespace tessera::app {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_DUPLEX;

/// Sizes that suit a picture.
struct Pen {
  explicit Pen(const cv::Mat& picture)
      : scale(std::clamp(std::sqrt(static_cast<double>(picture.total())) / 1400, 0.34, 2.0)),
        text(std::max(1, static_cast<int>(std::lround(scale * 1.2)))),
        line(std::max(1, static_cast<int>(std::lround(scale * 4)))),
        pad(std::max(2, static_cast<int>(std::lround(scale * 7)))) {}
  double scale;
  int text, line, pad;
};

cv::Size extentOf(const std::string& text, const Pen& pen, int* baseline) {
  return cv::getTextSize(text, kFont, pen.scale, pen.text, baseline);
}

// A rectangle mixed with what is there.
void plate(cv::Mat& picture, const cv::Rect& at, const cv::Scalar& color, double opacity) {
  const cv::Rect inside = at & cv::Rect(0, 0, picture.cols, picture.rows);
  if (inside.empty()) return;
  cv::Mat part = picture(inside);
  cv::addWeighted(part, 1 - opacity, cv::Mat(part.size(), part.type(), color), opacity, 0, part);
}

// Black or white, whichever is read better on a colour.
cv::Scalar inkOn(const cv::Scalar& color) {
  return 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2] > 140 ? cv::Scalar(0, 0, 0)
                                                                      : cv::Scalar(255, 255, 255);
}

void drawName(cv::Mat& picture, const NamePlate& name, const cv::Scalar& color, const Pen& pen) {
  int baseline = 0;
  const cv::Size size = extentOf(name.text, pen, &baseline);
  plate(picture, name.at, color, 0.85);
  cv::putText(picture, name.text, {name.at.x + pen.pad, name.at.y + size.height + pen.pad / 2}, kFont,
              pen.scale, inkOn(color), pen.text, cv::LINE_AA);
}

}  // namespace

cv::Scalar colorOf(const LabelSet& labels, int index) {
  const auto at = static_cast<std::size_t>(index);
  if (index < 0 || at >= labels.classes.size()) return {255, 255, 255};
  const auto& c = labels.classes[at].color;
  return {static_cast<double>(c[2]), static_cast<double>(c[1]), static_cast<double>(c[0])};
}

void drawCaption(cv::Mat& picture, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const Pen pen(picture);
  int baseline = 0, width = 0, height = 0;
  for (const std::string& line : lines) {
    const cv::Size size = extentOf(line, pen, &baseline);
    width = std::max(width, size.width);
    height = std::max(height, size.height + baseline + pen.pad / 2);
  }
  plate(picture, {0, 0, width + 2 * pen.pad, height * static_cast<int>(lines.size()) + pen.pad},
        cv::Scalar(24, 24, 24), 0.7);
  int top = pen.pad / 2;
  for (const std::string& line : lines) {
    cv::putText(picture, line, {pen.pad, top + height - baseline}, kFont, pen.scale,
                cv::Scalar(245, 245, 245), pen.text, cv::LINE_AA);
    top += height;
  }
}

void drawObjects(cv::Mat& picture, const std::vector<DetectedObject>& objects, const LabelSet& labels) {
  const Pen pen(picture);
  for (auto o = objects.rbegin(); o != objects.rend(); ++o)
    cv::rectangle(picture, pixelsOf(o->box), colorOf(labels, o->index), pen.line, cv::LINE_AA);
  const auto extent = [&](const std::string& text) {
    int baseline = 0;
    const cv::Size size = extentOf(text, pen, &baseline);
    return cv::Size(size.width + 2 * pen.pad, size.height + baseline + pen.pad);
  };
  for (const NamePlate& name : placeNames(objects, labels, picture.size(), extent))
    drawName(picture, name, colorOf(labels, objects[name.object].index), pen);
}

}  // namespace tessera::app
