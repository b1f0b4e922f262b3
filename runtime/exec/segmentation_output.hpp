/// \file
/// How the output of a segmentation network becomes classes of pixels.
#pragma once

#include "ops/image.hpp"
#include "tessera/segmentation.hpp"

namespace tessera {

/// What one item of a batch's output holds.
struct ClassOutput {
  ClassMapParams how;
  std::int64_t height = 0, width = 0;
  int classes = 0;  ///< the most there can be, where the output does not say
  Shape item;       ///< as ClassMap reads it: four extents, the first of them 1
};

/// Tells what `output` of a network for `batch` images holds. `input`: height and width of the network's
/// input. Throws Error(InvalidArgument) that says what the output is, what can be taken, and which option
/// decides where several readings are possible.
ClassOutput classOutputOf(const Binding& output, std::int64_t batch,
                          std::pair<std::int64_t, std::int64_t> input, const SegmentationOptions& options);

}  // namespace tessera
