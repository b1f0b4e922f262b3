// Element counts that overflow, tensors whose data do not fill them, and attributes that operators do not
// know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "ops/operator.hpp"
#include "tessera/graph.hpp"
#include "tests/support/refusal.hpp"

namespace tessera {
namespace {

using test::refusal;

constexpr std::int64_t kHuge = std::int64_t{1} << 33;

TEST(ElementCount, RefusesNegativeExtentsAndOverflows) {
  EXPECT_EQ(elementCount({}), 1);
  EXPECT_EQ(elementCount({2, 3, 4}), 24);
  EXPECT_EQ(elementCount({kMostElements}), kMostElements);
  EXPECT_EQ(elementCount({0, kHuge}), 0);
  EXPECT_THROW(elementCount({2, -1}), Error);
  EXPECT_THROW(elementCount({-2, -2}), Error);
  EXPECT_THROW(elementCount({kHuge, kHuge}), Error);                  // 2^66
  EXPECT_THROW(elementCount({kHuge, std::int64_t{1} << 31}), Error);  // 2^64: wraps to 0
  EXPECT_THROW(elementCount({0, kHuge, kHuge}), Error);               // its strides overflow
  EXPECT_THROW(elementCount({std::numeric_limits<std::int64_t>::max()}), Error);
}

TEST(ElementCount, GraphsRefuseImpossibleShapesByName) {
  Graph graph;
  EXPECT_THAT(refusal([&] {
                graph.addInput("image", DataType::Float32, {kHuge, kHuge});
              }),
              testing::HasSubstr("'image'"));
  EXPECT_THAT(refusal([&] {
                graph.addInput("image", DataType::Float32, {1, -3});
              }),
              testing::HasSubstr("1x-3"));
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 4, 4});
  EXPECT_THAT(refusal([&] {
                graph.add("Tile", "twice", {x}, {{"repeats", Shape{kHuge, kHuge, 1, 1}}});
              }),
              testing::HasSubstr("'twice'"));
  EXPECT_THAT(refusal([&] {
                graph.add("Expand", "wide", {x}, {{"shape", Shape{kHuge, 3, kHuge, 4}}});
              }),
              testing::HasSubstr("'wide'"));
}

TEST(HostTensors, ThatDoNotFillTheirShapeAreRefused) {
  Graph graph;
  HostTensor t = HostTensor::of<float>({2, 2}, {1, 2, 3, 4});
  t.data.resize(12);
  EXPECT_THAT(refusal([&] { graph.addConstant("weights", t); }),
              testing::AllOf(testing::HasSubstr("'weights'"), testing::HasSubstr("16 bytes")));
  t.data.resize(20);
  EXPECT_THROW(graph.addConstant("weights", t), Error);
  t.shape = {5, -1};
  EXPECT_THROW(graph.addConstant("weights", t), Error);
  t.shape = {5};
  EXPECT_NO_THROW(graph.addConstant("weights", t));
  EXPECT_THROW(graph.addConstant("nothing", HostTensor()), Error);
}

TEST(Attributes, ThatAnOperatorDoesNotKnowAreRefusedWithThoseItKnows) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const TensorId w = graph.addConstant("w", HostTensor(DataType::Float32, {4, 3, 3, 3}));
  EXPECT_THAT(refusal([&] {
                graph.add("Convolution", "c", {x, w}, {{"stride", Shape{2, 2}}});
              }),
              testing::AllOf(testing::HasSubstr("'c'"), testing::HasSubstr("'stride'"),
                             testing::HasSubstr("strides")));
  EXPECT_THAT(refusal([&] {
                graph.add("Relu", "r", {x}, {{"alpha", 0.1}});
              }),
              testing::HasSubstr("has none"));
  EXPECT_NO_THROW(graph.add("LeakyRelu", "l", {x}, {{"alpha", 0.1}}));
  EXPECT_THAT(refusal([&] {
                graph.add("MatMul", "m", {x, x}, {{"transB", 1}});
              }),
              testing::HasSubstr("'transB'"));
  graph.add("Clip", "limits", {x}, {{"alpha", 0}, {"beta", 6}});
  graph.editLayers().back().attrs.set("max", 6.0);  // a pass that misspells is found by verify
  EXPECT_THROW(graph.verify(), Error);
}

// Every operator with every integer of its attributes replaced by numbers that overflow where they are added
// or multiplied. Under the sanitizers an overflow ends the test.
TEST(Attributes, ExtremeIntegersAreRefusedOrHarmless) {
  constexpr std::int64_t kNumbers[] = {std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max(),
                                       std::int64_t{1} << 62,
                                       kMostElements,
                                       -kMostElements,
                                       std::int64_t{1} << 31,
                                       -(std::int64_t{1} << 31),
                                       -1,
                                       0};
  const auto infer = [](const OpInstance& sample, const Attributes& attrs) {
    try {
      for (const auto& y : inferOutputs(operatorNamed(sample.view.op), attrs, sample.view.inputs))
        EXPECT_LE(y.size(), kMostElements);
    } catch (const Error&) {  // refused
    }
  };
  for (const Operator* op : allOperators()) {
    const auto samples = op->samples();
    for (std::size_t s = 0; s < samples.size(); s += 1 + samples.size() / 8)
      for (const auto& [name, value] : samples[s].view.attrs.all())
        for (const std::int64_t number : kNumbers) {
          Attributes attrs = samples[s].view.attrs;
          if (std::holds_alternative<std::int64_t>(value)) infer(samples[s], attrs.set(name, number));
          if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
            for (std::size_t i = 0; i < list->size(); ++i) {
              auto changed = *list;
              changed[i] = number;
              infer(samples[s], attrs.set(name, changed));
              infer(samples[s], attrs.set(name, std::vector(list->size(), number)));
            }
        }
  }
}

// Shapes at the edge of what tensors may have, through every operator's inference.
TEST(Attributes, HugeOperandsAreRefusedOrHarmless) {
  for (const Operator* op : allOperators()) {
    const auto samples = op->samples();
    for (std::size_t s = 0; s < samples.size(); s += 1 + samples.size() / 8)
      for (std::size_t i = 0; i < samples[s].view.inputs.size(); ++i)
        for (std::size_t d = 0; d < samples[s].view.inputs[i].shape.size(); ++d)
          for (const std::int64_t extent : {kMostElements, kHuge, std::int64_t{0}}) {
            auto inputs = samples[s].view.inputs;
            inputs[i].shape.assign(inputs[i].shape.size(), 1);
            inputs[i].shape[d] = extent;
            try {
              inferOutputs(*op, samples[s].view.attrs, inputs);
            } catch (const Error&) {  // refused
            }
          }
  }
}

}  // namespace
}  // namespace tessera
