/// \file
/// Where the values of boxes lie in a detector's outputs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tessera/detection.hpp"

namespace tessera {

/// Value v of row r lies at base + item * itemStep + r * rowStep + v * valueStep of an output.
struct ValueSource {
  std::string output;
  std::int64_t base = 0, itemStep = 0, rowStep = 0, valueStep = 0;
};

/// Rows of boxes that are decoded alike: all of them, or those of one anchor of one stride.
struct DetectionHead {
  ValueSource box, scores;
  std::optional<ValueSource> objectness;
  std::int64_t rows = 0;
  std::int64_t columns = 1;       ///< row r is the cell (r % columns, r / columns)
  float stride = 1;               ///< pixels of the input that a cell covers
  std::array<float, 2> anchor{};  ///< width and height in pixels
};

/// The heads of a network, by the first format that fits.
struct DetectionHeads {
  DetectionFormat format;
  int classes = 0;  ///< 0: not known
  std::vector<DetectionHead> heads;
  std::string listed, priors;  ///< Listed: the output of classes; an output of priors; empty: none
  std::int64_t rowValues = 0;  ///< Rows: 6 or 7
};

/// What DetectionDecoder says of its arguments.
DetectionHeads headsOf(const std::vector<Binding>& bindings, std::int64_t batch, std::int64_t height,
                       std::int64_t width, const DetectionOptions& options);

/// Centre and size of the priors that a format describes, as fractions of the input.
std::vector<std::array<float, 4>> priorsOf(const DetectionFormat& format, std::int64_t height,
                                           std::int64_t width);

/// All that decoding reads.
struct DetectorParts {
  DetectionOptions options;
  DetectionHeads network;
  float height = 0, width = 0;               ///< of the input
  std::vector<std::array<float, 4>> priors;  ///< of the format
};

}  // namespace tessera
