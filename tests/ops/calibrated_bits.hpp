/// \file
/// Whether a calibrated network's INT8 outputs are those of the definition.
#pragma once

#include <gtest/gtest.h>

#include "graph/evaluate.hpp"
#include "tessera/context.hpp"
#include "tessera/passes.hpp"
#include "tessera/precision.hpp"
#include "tests/support/devices.hpp"

namespace tessera::test {

/// The first output has the reference's bits on every device.
inline void expectReferenceBits(const Graph& network, const Calibration& calibration,
                                const TensorMap& input) {
  Graph optimized = network;
  optimize(optimized);
  const auto wanted = evaluate(assignInt8(optimized, calibration, {}), input);
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = calibration;
  for (const Device& device : devices()) {
    Context context(Engine::build(network, device, options));
    EXPECT_EQ(context.run(input).begin()->second.data, wanted[0].data) << device.caps().name;
  }
}

}  // namespace tessera::test
