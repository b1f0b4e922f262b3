/// \file
/// NonMaxSuppression's and SuppressBoxes' attributes, as references and kernel families read them.
#pragma once

#include "ops/operator.hpp"

namespace tessera {

struct BoxSelection {
  std::int64_t batch = 1, classes = 1, boxes = 0;
  std::int64_t most = 0;  ///< boxes selected per item and class at most
  float iouThreshold = 0, scoreThreshold = 0;
  bool byScore = false;  ///< whether there is a score threshold
  bool centers = false;  ///< boxes are centre and size, not two corners

  std::int64_t rows() const { return batch * classes * most; }
};

/// Throws Error(InvalidArgument) with the reason where attributes and operands do not fit.
BoxSelection boxSelection(const OpView& op);

/// Of SuppressBoxes.
struct BoxSuppression {
  enum Kind { Hard, Soft, None };
  std::int64_t batch = 1, boxes = 0;
  bool classes = false;  ///< whether there is an input of classes
  Kind kind = Hard;      ///< as Suppression of tessera/detection.hpp, and so are
  double threshold = 0.25, overlap = 0.45, softness = 0.5;
  bool perClass = true;
  std::int64_t most = 300;
};

/// Throws Error(InvalidArgument) with the reason where attributes and operands do not fit.
BoxSuppression boxSuppression(const OpView& op);

}  // namespace tessera
