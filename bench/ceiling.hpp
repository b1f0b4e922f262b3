/// \file
/// What a device gives at best, measured with small kernels: the yardstick of every benchmark.
#pragma once

#include "tessera/device.hpp"

namespace tessera::bench {

struct Ceiling {
  double gflops = 0;  ///< fp32 fma, independent accumulators in registers; a fma counts two
  double gbps = 0;    ///< device copy, bytes read and written
};

Ceiling measureCeiling(const Device& device);

}  // namespace tessera::bench
