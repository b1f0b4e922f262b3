/// \file
/// Small networks of the kinds that people run, with seeded weights that are the same on every machine.
#pragma once

#include <vector>

#include "tessera/graph.hpp"

namespace tessera::test {

/// Ten: a residual network, one of depthwise convolutions, one of squeezing and expanding, dilated branches
/// with batch norms and PReLU, an encoder and decoder, a detector with SiLU, a face detector with softmax and
/// boxes, a network with squeeze and excitation, a transformer, a recogniser of text. One input "x" each, 1 x
/// 3 x 16 x 24.
std::vector<Graph> smallNetworks();
HostTensor smallNetworkInput();

}  // namespace tessera::test
