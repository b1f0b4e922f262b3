// What operators state about themselves, held against what their references do.
#include "ops/traits.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "ops/shape_tools.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/samples.hpp"

namespace tessera {
namespace {

using namespace test;

using Ints = std::vector<std::int64_t>;

TEST(Traits, TwinsNameEachOther) {
  for (const Operator* op : allOperators()) {
    SCOPED_TRACE(op->name());
    const OperatorTraits traits = op->traits();
    if (!traits.integerTwin.empty()) {
      EXPECT_TRUE(traitsOf(traits.integerTwin).quantised());
      EXPECT_FALSE(traits.quantised());
    }
    if (traits.quantised()) {
      const OperatorTraits twin = traitsOf(traits.floatTwin);
      EXPECT_EQ(twin.integerTwin, op->name());
      EXPECT_EQ(twin.window, traits.window);
      EXPECT_EQ(twin.transposed(), traits.transposed());
      EXPECT_EQ(twin.weights.has_value(), traits.weights.has_value());
      EXPECT_EQ(twin.elementwise, traits.elementwise);
    }
  }
}

TEST(Traits, WhatComputesOnCodes) {
  std::set<std::string_view> quantised;
  for (const Operator* op : allOperators())
    if (op->traits().quantised()) quantised.insert(op->name());
  const std::set<std::string_view> expected{"QConvolution", "QDeconvolution", "QFullyConnected",
                                            "QAveragePool", "QPointwise"};
  EXPECT_EQ(quantised, expected) << "not Quantize and Dequantize: those are a model's own, in floats";
}

// Whether some family runs the operator, in a layout that it chooses.
bool runs(const OpView& view, const DeviceCaps& caps) {
  for (const KernelFamily* family : familiesFor(view))
    for (const BlockChoice& blocks : family->blockChoices(view, caps))
      if (family->applies(withBlocks(view, blocks), caps)) return true;
  return false;
}

TEST(Traits, WhatMovesCodesHasKernelsForThem) {
  std::set<std::string_view> moved;
  for (const Operator* op : allOperators())
    for (const OpInstance& sample : op->samples()) {
      OpView view = sample.view;
      if (op->quantRule(view) != QuantRule::SameScale || op->traits().view != OperatorTraits::View::None)
        continue;
      if (view.inputs[0].type != DataType::Float32) continue;
      for (TensorDesc& x : view.inputs)
        if (x.type == DataType::Float32) x.type = DataType::Int8;
      try {
        view.outputs = op->infer(view.attrs, view.inputs);
      } catch (const Error& e) {
        ADD_FAILURE() << view.text() << " moves codes, but " << e.what();
        continue;
      }
      for (const DeviceCaps& caps : {inventedGpu(), inventedCpu()})
        EXPECT_TRUE(runs(view, caps)) << view.text() << " on " << caps.name;
      moved.insert(op->name());
    }
  for (const char* name : {"Pool", "GlobalPool", "Concat", "Pad", "Resize"})
    EXPECT_TRUE(moved.count(name)) << name;
}

TEST(Traits, UnknownOperatorsAreRefused) { EXPECT_THROW(traitsOf("QuantizeLinear"), Error); }

TEST(Traits, WorkIsThatOfTheDefinition) {
  const auto work = [](const char* op, Attributes attrs, std::vector<Shape> shapes) {
    std::vector<TensorDesc> inputs;
    for (Shape& shape : shapes) inputs.push_back(f32(std::move(shape)));
    return traitsOf(op).multiplyAdds(makeSample(op, std::move(attrs), inputs).view);
  };
  EXPECT_EQ(work("Convolution", {{"group", 2}}, {{1, 4, 6, 6}, {8, 2, 3, 3}}), 8 * 2 * 9 * 16);
  EXPECT_EQ(work("Convolution", {{"pads", Ints{1, 1, 1, 1}}}, {{2, 3, 4, 4}, {5, 3, 3, 3}}),
            2 * 5 * 3 * 9 * 16);
  EXPECT_EQ(work("Deconvolution", {{"strides", Ints{2, 2}}}, {{1, 4, 3, 3}, {4, 3, 2, 2}}), 4 * 3 * 4 * 9);
  EXPECT_EQ(work("FullyConnected", {}, {{2, 5}, {7, 5}}), 2 * 5 * 7);
  EXPECT_EQ(work("MatMul", {}, {{2, 3, 4}, {2, 4, 5}}), 2 * 3 * 4 * 5);
  EXPECT_EQ(work("Pool", {{"kernel", Ints{3, 3}}}, {{1, 2, 4, 4}}), 2 * 9 * 4);
  EXPECT_EQ(work("GlobalPool", {}, {{1, 2, 4, 4}}), 2 * 16);
  EXPECT_EQ(traitsOf("Relu").multiplyAdds, nullptr);
}

TEST(Traits, ViewsHoldTheirInput) {
  std::set<OperatorTraits::View> seen;
  for (const Operator* op : allOperators()) {
    const OperatorTraits traits = op->traits();
    if (traits.view == OperatorTraits::View::None) continue;
    seen.insert(traits.view);
    for (const OpInstance& sample : op->samples()) {
      SCOPED_TRACE(sample.view.text());
      const auto inputs = fillInputs(sample, 5);
      const HostTensor y = referenceOutputs(sample.view, inputs)[0];
      if (traits.view == OperatorTraits::View::Part) {
        for (const char* name : {"starts", "sizes"}) EXPECT_TRUE(sample.view.attrs.has(name));
        continue;
      }
      EXPECT_EQ(y.data, inputs[0].data);
      if (traits.view == OperatorTraits::View::Same) {
        EXPECT_EQ(y.shape, inputs[0].shape);
      }
    }
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST(Traits, ElementwiseOperatorsBroadcast) {
  for (const Operator* op : allOperators()) {
    const OperatorTraits traits = op->traits();
    if (!traits.elementwise) continue;
    EXPECT_TRUE(traits.broadcasts);
    for (const OpInstance& sample : op->samples())
      EXPECT_EQ(broadcastShapes(sample.view.inputs), sample.view.outputs[0].shape) << sample.view.text();
  }
}

/// Copies the first entry along an axis over the last one; false where that is the same entry.
bool repeatFirst(HostTensor& t, std::size_t axis) {
  const std::int64_t last = t.shape[axis] - 1;
  if (last < 1) return false;
  const HostTensor before = t;
  const auto strides = rowMajorStrides(t.shape);
  forEachIndex(t.shape, [&](std::int64_t i, auto at) {
    if (at[axis] == last) copyElement(t, i, before, i - last * strides[axis]);
  });
  return true;
}

/// Elements of one output that changed although their entry along `axis` is none of the last.
std::int64_t changedBeforeLast(const HostTensor& a, const HostTensor& b, std::size_t axis) {
  std::int64_t changed = 0;
  const std::size_t size = byteSize(a.type);
  forEachIndex(a.shape, [&](std::int64_t i, auto at) {
    const bool same = std::memcmp(a.data.data() + static_cast<std::size_t>(i) * size,
                                  b.data.data() + static_cast<std::size_t>(i) * size, size) == 0;
    changed += !same && at[axis] + 1 < a.shape[axis];
  });
  return changed;
}

/// An extent that an operator says it follows: the last entry of the input touches no other of the output.
class FollowedExtents : public testing::TestWithParam<const Operator*> {};

TEST_P(FollowedExtents, KeepTheirEntriesApart) {
  const OperatorTraits traits = GetParam()->traits();
  for (const OpInstance& sample : GetParam()->samples()) {
    SCOPED_TRACE(sample.view.text());
    const auto inputs = fillInputs(sample, 5);
    const auto before = referenceOutputs(sample.view, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      for (std::size_t axis = 0; axis < inputs[i].shape.size(); ++axis) {
        if (!sample.view.has(i)) continue;
        const auto to = traits.follow(sample.view, i, axis);
        if (!to) continue;
        ASSERT_LT(*to, before[0].shape.size());
        EXPECT_EQ(before[0].shape[*to], inputs[i].shape[axis]);
        auto changed = inputs;
        if (!repeatFirst(changed[i], axis)) continue;
        EXPECT_EQ(changedBeforeLast(before[0], referenceOutputs(sample.view, changed)[0], *to), 0)
            << "extent " << axis << " of input " << i;
      }
  }
}

std::vector<const Operator*> following() {
  std::vector<const Operator*> found;
  for (const Operator* op : allOperators())
    if (op->traits().follow) found.push_back(op);
  return found;
}

INSTANTIATE_TEST_SUITE_P(All, FollowedExtents, testing::ValuesIn(following()),
                         [](const auto& tested) { return std::string(tested.param->name()); });

}  // namespace
}  // namespace tessera
