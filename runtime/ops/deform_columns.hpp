/// \file
/// DeformColumns' attributes, as reference, importer and kernel family read them.
#pragma once

#include <array>

#include "ops/operator.hpp"

namespace tessera {

struct DeformWindow {
  std::int64_t batch = 1, channels = 1, groups = 1;  ///< groups of channels that share offsets
  std::array<std::int64_t, 2> in{}, out{}, kernel{}, stride{1, 1}, dilation{1, 1}, pad{0, 0};

  std::int64_t taps() const { return kernel[0] * kernel[1]; }
};

/// Throws Error(InvalidArgument) with the reason where attributes and operands do not fit.
DeformWindow deformWindow(const OpView& op);

}  // namespace tessera
