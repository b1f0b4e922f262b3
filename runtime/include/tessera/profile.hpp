/// \file
/// Profiles in terms of the source model: every launch of a run, what was fused into which layer, and what
/// the device gives at best.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tessera/context.hpp"
#include "tessera/graph.hpp"
#include "tessera/precision.hpp"

namespace tessera {

/// One launch of a run, by the device's clock.
struct LaunchTime {
  std::size_t layer = 0;  ///< index into the layers of Context::profile()
  std::string kernel;     ///< its function, or a library's routine
  double begin = 0;       ///< milliseconds from where the run's first launch begins
  double end = 0;         ///< likewise
};

/// Runs the network once on the context's own queue and tells every launch, in order. What lies between them
/// is time in which the device does nothing for this context. Layers without a launch (views) have none.
std::vector<LaunchTime> traceRun(Context& context);

/// Layers that were taken into others, by the name of the one that is left.
using LayerMembers = std::map<std::string, std::vector<std::string>>;

/// Which layers of `source`, as it was imported, passes took into which layers of `optimized`
/// (Engine::graph()): told by the names that layers and tensors keep.
LayerMembers membersOf(const Graph& source, const Graph& optimized);

/// What small kernels that do nothing else reached on a device.
struct Ceiling {
  double gops = 0;  ///< 10^9 operations per second; a multiply-add counts two
  double gbps = 0;  ///< 10^9 bytes per second of a copy, read and written
  std::string by;   ///< what computed: "fp32 fma", "mma s8", ..
};

/// Measures what layers in `precision` can be compared with, in a second or two: the fastest arithmetic of
/// that precision that ran, and copies in device memory. Throws Error(DeviceError) where not even a plain
/// kernel runs.
Ceiling measureCeiling(const Device& device, Precision precision);

}  // namespace tessera
