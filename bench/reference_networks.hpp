/// \file
/// The reference networks of benchmarks, with seeded random weights: real structures that need no files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera::bench {

struct ReferenceNetwork {
  std::string name;
  Shape image;  ///< one input: channels, height, width
  std::function<Graph(std::int64_t batch)> make;
};

/// FCN-8s (VGG-16, 19 classes), ResNet-50 v1.5, VGG-16, SqueezeNet 1.1, MobileNet v2; batch norms folded as
/// exporters do. The same weights on every machine.
const std::vector<ReferenceNetwork>& referenceNetworks();

}  // namespace tessera::bench
