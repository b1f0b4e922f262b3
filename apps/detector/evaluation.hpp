/// \file
/// Average precision of boxes, as COCO defines it.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tessera/detection.hpp"

namespace tessera::app {

/// A box that is there.
struct RightBox {
  Box box;
  int index = 0;       ///< of its class
  bool crowd = false;  ///< stands for many: what it covers counts neither as right nor as wrong
};

/// Of one class; fractions.
struct AveragePrecision {
  double at50 = 0;        ///< boxes that overlap by at least 0.5
  double mean = 0;        ///< mean over overlaps 0.50, 0.55, .. 0.95
  std::size_t right = 0;  ///< boxes there are, crowds left out
};

/// Collects the boxes of images; then says how good they are: per class, precision at 101 recalls from 0 to
/// 1, of the 100 boxes with the highest scores per image and class (COCO's AP for boxes of all sizes).
class DetectionScore {
 public:
  void add(const std::vector<DetectedObject>& found, const std::vector<RightBox>& right);
  /// By class; those without boxes that are there have none.
  std::map<int, AveragePrecision> classes() const;
  /// Means over those classes; none where there are none.
  std::optional<AveragePrecision> mean() const;
  std::size_t images() const { return images_.size(); }

  static constexpr std::size_t kOverlaps = 10, kRecalls = 101, kMost = 100;

 private:
  struct Image {
    std::vector<DetectedObject> found;
    std::vector<RightBox> right;
  };
  std::vector<Image> images_;
};

}  // namespace tessera::app
