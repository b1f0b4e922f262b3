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

/// FCN-8s (VGG-16, 19 classes), ResNet-50 v1.5, VGG-16, SqueezeNet 1.1, MobileNet v2, YOLOv8n, YOLOX-Nano;
/// batch norms folded as exporters do. The same weights on every machine.
const std::vector<ReferenceNetwork>& referenceNetworks();

/// Detectors of square images whose side is a multiple of 32, SiLU written out as exporters do. Their output
/// is boxes and class scores of every place: YOLOv8n [N, 84, places], YOLOX-Nano [N, places, 85].
Graph yolov8n(std::int64_t batch, std::int64_t side);
Graph yoloxNano(std::int64_t batch, std::int64_t side);

}  // namespace tessera::bench
