/// \file
/// Suppressing boxes on the host and on the device.
#pragma once

#include "apps/common/files.hpp"
#include "tessera/detection.hpp"
#include "tessera/device.hpp"

namespace tessera::bench {

/// Times suppress(), and the operator SuppressBoxes on the device with the transfers that it takes, on
/// `boxes` random ones; prints and returns milliseconds.
app::Json timeSuppression(const Device& device, int boxes, const SuppressionOptions& options, int runs);

}  // namespace tessera::bench
