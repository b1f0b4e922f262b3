/// \file
/// Bins of the Histogram operator: limits are powers of two, so that counts of parts of a tensor, or of
/// several, add up exactly.
#pragma once

namespace tessera {

inline constexpr int kHistogramBits = 12, kHistogramBins = 1 << kHistogramBits;

/// e of the limit 2^e that the bins of values up to `largest` reach: the least for which `largest` is below
/// it, -100 at least.
int histogramExponent(float largest);

}  // namespace tessera
