/// \file
/// How well class maps agree with annotations, pooled over images.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/common/labels.hpp"

namespace tessera::app {

/// Pixels by annotated class (row) and predicted class (column). Only scored classes have rows; predicted
/// classes that are not scored (void) share one more column.
class Confusion {
 public:
  explicit Confusion(std::size_t scoredClasses)
      : classes_(scoredClasses), counts_(scoredClasses * (scoredClasses + 1)) {}

  /// Annotations outside the scored classes are left out.
  void add(std::span<const std::uint8_t> annotated, std::span<const std::uint8_t> predicted);

  std::size_t classes() const { return classes_; }
  std::int64_t count(std::size_t annotated, std::size_t predicted) const {
    return counts_[annotated * (classes_ + 1) + predicted];
  }
  std::int64_t pixels() const;  ///< scored ones

  /// Intersection over union; none for a class that neither annotations nor predictions show.
  std::optional<double> iou(std::size_t c) const;
  double meanIou() const;  ///< over the classes that have one
  double pixelAccuracy() const;

  /// Classes of one category taken as one; categories in the label set's order.
  Confusion byCategory(const LabelSet& labels) const;

 private:
  std::size_t classes_;
  std::vector<std::int64_t> counts_;
};

}  // namespace tessera::app
