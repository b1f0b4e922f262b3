/// \file
/// Calibration caches as text: Tessera's own, and TensorRT's.
#pragma once

#include <string>
#include <string_view>

#include "tessera/calibration.hpp"

namespace tessera {

/// Tessera's cache: `tessera-calibration 1`, then one record a line (docs/cache_and_plan_format.md).
std::string calibrationText(const Calibration& calibration);
/// Throws Error(BadCache) naming `source` (a file, say), line and reason.
Calibration parseCalibration(std::string_view text, const std::string& source);

/// TensorRT's text: `TRT-<version>-<algorithm>`, then `name: 8 hex digits`, the scale's bits as a big-endian
/// number.
std::string tensorrtCacheText(const Calibration& calibration);
/// Throws as parseCalibration() does.
Calibration parseTensorrtCache(std::string_view text, const std::string& source);

/// Either form, told apart by the first line. Throws as parseCalibration() does.
Calibration parseAnyCalibration(std::string_view text, const std::string& source);

}  // namespace tessera
