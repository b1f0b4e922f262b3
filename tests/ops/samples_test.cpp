// Every operator's samples must be buildable and its reference must run on them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "ops/operator.hpp"

namespace tessera {
namespace {

HostTensor filledTensor(const TensorDesc& desc, const Fill& fill, std::mt19937& random) {
  if (!desc.present()) return {};
  if (fill.kind == Fill::Kind::Values) return fill.values;
  HostTensor t(desc.type, desc.shape);
  std::uniform_real_distribution<double> real(fill.low, fill.high);
  std::uniform_int_distribution<int> whole(static_cast<int>(fill.low), static_cast<int>(fill.high));
  for (std::int64_t i = 0; i < t.size(); ++i)
    t.setNumber(i, fill.kind == Fill::Kind::Uniform ? real(random) : whole(random));
  return t;
}

bool isFinite(const HostTensor& t) {
  return t.type != DataType::Float32 ||
         std::ranges::all_of(t.as<float>(), [](float value) { return std::isfinite(value); });
}

class Samples : public testing::TestWithParam<const Operator*> {};

TEST_P(Samples, ReferenceRunsAndIsFinite) {
  const Operator& op = *GetParam();
  std::mt19937 random(7);
  const auto samples = op.samples();
  EXPECT_FALSE(samples.empty());
  for (const OpInstance& sample : samples) {
    SCOPED_TRACE(sample.view.text());
    std::vector<HostTensor> inputs, outputs;
    for (std::size_t i = 0; i < sample.view.inputs.size(); ++i) {
      inputs.push_back(
          filledTensor(sample.view.inputs[i], i < sample.fills.size() ? sample.fills[i] : Fill{}, random));
      if (sample.view.inputs[i].present()) {
        ASSERT_EQ(inputs.back().shape, sample.view.inputs[i].shape);
        ASSERT_EQ(inputs.back().type, sample.view.inputs[i].type);
      }
    }
    for (const auto& desc : sample.view.outputs) outputs.emplace_back(desc.type, desc.shape);
    op.reference(sample.view, inputs, outputs);
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      ASSERT_EQ(outputs[o].shape, sample.view.outputs[o].shape);
      ASSERT_EQ(outputs[o].data.size(), sample.view.outputs[o].bytes());
      if (outputs[o].type != DataType::Float32 || !std::ranges::all_of(inputs, isFinite)) continue;
      for (const float value : outputs[o].as<float>()) ASSERT_TRUE(std::isfinite(value));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Samples, testing::ValuesIn(allOperators()),
                         [](const auto& tested) { return std::string(tested.param->name()); });

}  // namespace
}  // namespace tessera
