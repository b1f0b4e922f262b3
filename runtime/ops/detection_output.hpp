/// \file
/// DetectionOutput's attributes and sizes, as reference and kernel family read them.
#pragma once

#include <algorithm>

#include "ops/operator.hpp"

namespace tessera {

enum class BoxCode { Corner, CenterSize, CornerSize };

struct Detection {
  std::int64_t batch = 1, classes = 1, priors = 1;
  std::int64_t boxSets = 1;     ///< 1: all classes share a box; else one of each class
  std::int64_t background = 0;  ///< class that is never reported; -1: none
  std::int64_t candidates = 1;  ///< boxes of a class that are looked at: those with the highest scores
  std::int64_t keep = -1;       ///< boxes of an item that stay; -1: all
  float overlap = 0, eta = 1, confidence = 0;
  BoxCode code = BoxCode::Corner;
  bool scaled = true;  ///< predictions are to be multiplied by the variances

  /// Boxes of an item there can be at most.
  std::int64_t most() const {
    const std::int64_t reported = classes - (background >= 0 && background < classes ? 1 : 0);
    return keep < 0 ? reported * candidates : std::min(keep, reported * candidates);
  }
};

/// Throws Error(InvalidArgument) with the reason where attributes and operands do not fit.
Detection detectionOf(const OpView& op);

}  // namespace tessera
