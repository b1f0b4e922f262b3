// fp32 convolutions by pairs of halves keep their digits whatever the size of their operands.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "clkernels/common/epilogue.hpp"
#include "launch/op_runner.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

// Two blocks of channels, a tail in the second.
const OpInstance& sample() {
  static const OpInstance instance = convolutionSample(
      {1, 20, 6, 9}, {8, 20, 3, 3}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}, false);
  return instance;
}
struct Operands {
  HostTensor x, weights;
};
Operands operandsOf(float x, float weights) {
  auto inputs = test::fillInputs(sample(), 5);
  for (float& v : inputs[0].as<float>()) v *= x;
  for (float& v : inputs[1].as<float>()) v *= weights;
  return {inputs[0], inputs[1]};
}
std::vector<float> resultOf(const Device& device, const Operands& operands) {
  const KernelFamily& family = *findFamily("conv_pairs");
  const OpView& op = sample().view;
  std::vector<HostTensor> inputs(op.inputs.size());
  inputs[0] = operands.x, inputs[1] = operands.weights;
  OpRunner runner(device, family, op, family.fallback(family.problem(op), device.int8Caps()), inputs,
                  {false, true});
  const auto outputs = runner.run();
  EXPECT_EQ(runner.damage(), "");
  const auto values = outputs.at(0).as<float>();
  return {values.begin(), values.end()};
}
// Calls each(index of the output, index of x, index of the weight) for every product.
template <class Each>
void forProducts(Each each) {
  for (int c = 0; c < 8; ++c)
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 9; ++x)
        for (int from = 0; from < 20; ++from)
          for (int ky = 0; ky < 3; ++ky)
            for (int kx = 0; kx < 3; ++kx) {
              const int sy = y + ky - 1, sx = x + kx - 1;
              if (sy < 0 || sx < 0 || sy >= 6 || sx >= 9) continue;
              each((c * 6 + y) * 9 + x, (from * 6 + sy) * 9 + sx, ((c * 20 + from) * 3 + ky) * 3 + kx);
            }
}

bool servedBy(const Device& device) {
  return bool(findFamily("conv_pairs")->applies(sample().view, device.int8Caps()));
}

TEST(Pairs, KeepTheirDigitsAtAnyScale) {
  for (const Device& device : test::devices()) {
    if (!servedBy(device)) continue;
    for (const auto& [x, weights] :
         {std::pair{1.0f, 1.0f}, std::pair{1e-30f, 1e25f}, std::pair{1e30f, 1e-25f}, std::pair{1e-36f, 1.0f},
          std::pair{1.0f, 1e-36f}}) {
      const Operands operands = operandsOf(x, weights);
      const std::vector<float> results = resultOf(device, operands);
      std::vector<double> exact(results.size()), sizes(results.size());
      forProducts([&](int to, int from, int by) {
        const double product =
            double{operands.x.as<float>()[from]} * double{operands.weights.as<float>()[by]};
        exact[to] += product, sizes[to] += std::abs(product);
      });
      for (std::size_t i = 0; i < results.size(); ++i)
        EXPECT_NEAR(results[i], exact[i], 1e-6 * sizes[i]) << x << " " << weights << " " << i;
    }
  }
}

// A greatest number far above the others costs them the digits below 2^-40 of it, and no more.
TEST(Pairs, AGreatNumberLeavesTheOthersWhatIsBelowIt) {
  for (const Device& device : test::devices()) {
    if (!servedBy(device)) continue;
    Operands operands = operandsOf(1.0f, 1.0f);
    operands.x.as<float>()[0] = 1e6f;
    const std::vector<float> results = resultOf(device, operands);
    std::vector<double> exact(results.size()), sizes(results.size());
    forProducts([&](int to, int from, int by) {
      const double product = double{operands.x.as<float>()[from]} * double{operands.weights.as<float>()[by]};
      exact[to] += product, sizes[to] += std::abs(product);
    });
    for (std::size_t i = 0; i < results.size(); ++i)
      EXPECT_NEAR(results[i], exact[i], 1e-6 * sizes[i] + 180 * 0x1p-40 * 1e6) << i;
  }
}

// What is not finite reaches the results whose windows meet it, and leaves the others as they are.
TEST(Pairs, NumbersThatAreNotFiniteStayWhereTheyAre) {
  for (const Device& device : test::devices()) {
    if (!servedBy(device)) continue;
    const std::vector<float> finite = resultOf(device, operandsOf(1.0f, 1.0f));
    for (const float odd :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      Operands operands = operandsOf(1.0f, 1.0f);
      const int place = (3 * 6 + 2) * 9 + 4;  // not the greatest, which scales its block
      operands.x.as<float>()[place] = odd;
      const std::vector<float> results = resultOf(device, operands);
      std::vector<bool> met(results.size());
      forProducts([&](int to, int from, int) {
        if (from == place) met[to] = true;
      });
      for (std::size_t i = 0; i < results.size(); ++i)
        if (met[i])
          EXPECT_FALSE(std::isfinite(results[i])) << odd << " " << i;
        else
          EXPECT_EQ(results[i], finite[i]) << odd << " " << i;
    }
  }
}

}  // namespace
}  // namespace tessera
