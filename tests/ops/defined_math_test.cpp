// The functions of common/defined_math.cl on every device: the bits that the host gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "ops/curved.hpp"
#include "ops/pointwise.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kCount = 1 << 20;

// Devices may take subnormal numbers for 0.
float flushed(float x) { return std::abs(x) < 0x1p-126f ? 0.0f : x; }

// `x` holds the operands: the first, and of rows of two the second from its other end.
void compareBits(const PointwiseOp& row, const HostTensor& x, const HostTensor& y,
                 const std::string& device) {
  const auto constants = pointwiseConstants(row, {});
  const auto from = x.as<float>(), got = y.as<float>();
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const float wanted =
        flushed(row.single(from[i], from[x.size() - 1 - i], constants.alpha, constants.beta));
    const bool same = std::isnan(wanted) ? std::isnan(got[i])
                                         : std::bit_cast<std::uint32_t>(wanted + 0.0f) ==
                                               std::bit_cast<std::uint32_t>(flushed(got[i]) + 0.0f);
    if (!same && wrong++ < 3)
      ADD_FAILURE() << row.name << "(" << std::hexfloat << from[i] << ") is " << got[i] << " instead of "
                    << wanted << " on " << device;
  }
  EXPECT_EQ(wrong, 0) << row.name << " on " << device;
}

// Floats of all sizes, one of 4096; TESSERA_TEST_FLOATS=all: every one, which takes minutes.
TEST(DefinedMath, GivesTheHostsBitsOnEveryDevice) {
  const char* wish = std::getenv("TESSERA_TEST_FLOATS");
  const std::uint32_t runs = wish && std::string(wish) == "all" ? 4096 : 1;
  for (const PointwiseOp& row : pointwiseTable()) {
    if (!curvedPointwise(row.name)) continue;
    Graph graph;
    graph.name = row.name;
    const TensorId in = graph.addInput("x", DataType::Float32, {kCount});
    std::vector<TensorId> operands{in};
    if (row.arity() == 2) operands.push_back(graph.addInput("other", DataType::Float32, {kCount}));
    graph.markOutput(graph.add(std::string(row.name), "y", operands));
    for (const Device& device : test::devices()) {
      Context context(Engine::build(graph, device, {}));
      HostTensor x(DataType::Float32, {kCount});
      for (std::uint32_t run = 0; run < runs; ++run) {
        for (std::uint32_t i = 0; i < kCount; ++i)
          x.as<float>()[i] = flushed(std::bit_cast<float>(i * 4096u + (run * 1013u + 77u) % 4096u));
        TensorMap inputs{{"x", x}};
        if (row.arity() == 2) {
          HostTensor other = x;
          std::ranges::reverse(other.as<float>());
          inputs.emplace("other", std::move(other));
        }
        compareBits(row, x, context.run(inputs).begin()->second, device.caps().name);
      }
    }
  }
}

}  // namespace
}  // namespace tessera
