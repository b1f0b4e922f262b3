// Legends.
#include "apps/segmenter/legend.hpp"

#include <opencv2/imgproc.hpp>
#include <vector>

namespace tessera::app {

cv::Mat withLegend(const cv::Mat& picture, const cv::Mat& classes, const LabelSet& labels) {
  std::vector<std::size_t> count(labels.classes.size());
  cv::Mat wide;
  classes.convertTo(wide, CV_32S);
  for (int row = 0; row < wide.rows; ++row)
    for (int column = 0; column < wide.cols; ++column)
      if (const auto c = static_cast<std::size_t>(wide.at<int>(row, column)); c < count.size()) ++count[c];

  const double scale = std::max(picture.cols / 1600.0, 0.35);
  const int unit = static_cast<int>(30 * scale), gap = unit / 3;
  struct Entry {
    std::size_t label;
    cv::Point at;
  };
  std::vector<Entry> entries;
  cv::Point pen(gap, gap);
  for (std::size_t c = 0; c < labels.classes.size(); ++c) {
    if (labels.classes[c].ignored || count[c] * 1000 < classes.total()) continue;
    int baseline = 0;
    const int width =
        unit + gap +
        cv::getTextSize(labels.classes[c].name, cv::FONT_HERSHEY_SIMPLEX, scale, 1, &baseline).width +
        2 * gap;
    if (pen.x > gap && pen.x + width > picture.cols) pen = {gap, pen.y + unit + gap};
    entries.push_back({c, pen});
    pen.x += width;
  }
  cv::Mat out(picture.rows + pen.y + unit + gap, picture.cols, CV_8UC3, cv::Scalar(32, 32, 32));
  picture.copyTo(out(cv::Rect(0, 0, picture.cols, picture.rows)));
  for (const auto& [label, at] : entries) {
    const auto& c = labels.classes[label];
    const cv::Point corner(at.x, at.y + picture.rows);
    cv::rectangle(out, cv::Rect(corner, cv::Size(unit, unit)), cv::Scalar(c.color[2], c.color[1], c.color[0]),
                  cv::FILLED);
    cv::rectangle(out, cv::Rect(corner, cv::Size(unit, unit)), cv::Scalar(200, 200, 200), 1);
    cv::putText(out, c.name, corner + cv::Point(unit + gap, unit - unit / 4), cv::FONT_HERSHEY_SIMPLEX, scale,
                cv::Scalar(235, 235, 235), std::max(1, static_cast<int>(scale * 1.5)), cv::LINE_AA);
  }
  return out;
}

}  // namespace tessera::app
