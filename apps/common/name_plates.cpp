// Names of boxes that do not hide what was found.
#include "apps/common/name_plates.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace tessera::app {
namespace {

// The share of another box that a plate may hide: one that says all, and one that has the score alone.
constexpr double kMostHidden = 0.12, kMostHiddenByScore = 0.3;

/// Boxes of a picture, and the plates that are there already.
class Places {
 public:
  Places(const std::vector<DetectedObject>& objects, const cv::Size& picture)
      : picture_(0, 0, picture.width, picture.height) {
    for (const DetectedObject& object : objects) boxes_.push_back(pixelsOf(object.box) & picture_);
  }

  /// Where a plate hides least of other boxes; none where that is more than `most` of one.
  std::optional<cv::Rect> best(std::size_t object, const cv::Size& size, double most) const {
    std::optional<cv::Rect> found;
    if (boxes_[object].empty()) return found;
    for (const cv::Rect& at : candidates(boxes_[object], size)) {
      if (!free(at)) continue;
      const double hidden = hiddenBy(at, object);
      if (hidden > most || (found && hidden >= most - 1e-9)) continue;
      most = hidden;  // of equals the earlier
      found = at;
    }
    return found;
  }
  void take(const cv::Rect& at) { taken_.push_back(at); }

 private:
  // Above the box, below it, inside its top where it is much larger; each from the left, then to the right.
  std::vector<cv::Rect> candidates(const cv::Rect& box, const cv::Size& size) const {
    const int left = std::clamp(box.x, 0, std::max(picture_.width - size.width, 0));
    const int right = std::clamp(box.br().x - size.width, 0, std::max(picture_.width - size.width, 0));
    std::vector<cv::Rect> all;
    for (const int y : {box.y - size.height, box.br().y})
      for (const int x : {left, right}) all.emplace_back(cv::Point(x, y), size);
    if (box.height >= 4 * size.height && box.width >= size.width)
      for (const int x : {left, right}) all.emplace_back(cv::Point(x, box.y), size);
    return all;
  }
  bool free(const cv::Rect& at) const {
    return (at & picture_) == at && std::none_of(taken_.begin(), taken_.end(), [&](const cv::Rect& other) {
             return (at & other).area() > 0;
           });
  }
  double hiddenBy(const cv::Rect& at, std::size_t object) const {
    double most = 0;
    for (std::size_t i = 0; i < boxes_.size(); ++i)
      if (i != object && boxes_[i].area() > 0)
        most = std::max(most, static_cast<double>((at & boxes_[i]).area()) / boxes_[i].area());
    return most;
  }

  cv::Rect picture_;
  std::vector<cv::Rect> boxes_, taken_;
};

}  // namespace

cv::Rect pixelsOf(const Box& box) {
  const auto pixel = [](float at) { return static_cast<int>(std::lround(at)); };
  return {cv::Point(pixel(box.left), pixel(box.top)), cv::Point(pixel(box.right), pixel(box.bottom))};
}

std::vector<NamePlate> placeNames(const std::vector<DetectedObject>& objects, const LabelSet& labels,
                                  const cv::Size& picture,
                                  const std::function<cv::Size(const std::string&)>& extent) {
  Places places(objects, picture);
  std::vector<NamePlate> plates;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::string score = fmt::format("{:.2f}", objects[i].score);
    std::string text = labels.nameOf(objects[i].index) + " " + score;
    auto at = places.best(i, extent(text), kMostHidden);
    if (!at) at = places.best(i, extent(text = score), kMostHiddenByScore);
    if (!at) continue;
    places.take(*at);
    plates.push_back({i, text, *at});
  }
  return plates;
}

}  // namespace tessera::app
