// Problems: text, smaller ones for the reference, operands.
#include "tune/problem.hpp"

#include <gtest/gtest.h>

#include "clkernels/family.hpp"

namespace tessera {
namespace {

using List = std::vector<std::int64_t>;

TEST(ProblemText, EverySampleOfEveryOperatorReadsBack) {
  for (const Operator* op : allOperators())
    for (const OpInstance& sample : op->samples()) {
      const std::string text = sample.view.text();
      const OpView parsed = parseOpView(text);
      EXPECT_EQ(parsed.text(), text);
      EXPECT_EQ(parsed.inputs, sample.view.inputs) << text;
      EXPECT_EQ(operatorNamed(parsed.op).infer(parsed.attrs, parsed.inputs),
                operatorNamed(parsed.op).infer(sample.view.attrs, sample.view.inputs))
          << text;
    }
}

TEST(ProblemText, LayoutsReadBack) {
  OpView view =
      makeSample("Convolution", {{"pads", List{1, 1, 1, 1}}}, {f32({1, 16, 8, 8}), f32({16, 16, 3, 3})}).view;
  view.inputs[0].layout = {16, 32, 4096};
  view.inputs[1].constant = true;
  EXPECT_EQ(parseOpView(view.text()).inputs, view.inputs);
}

TEST(Problem, ScalesOfCodesMakeNoProblemOfTheirOwn) {
  for (const char* name : {"QConvolution", "QPointwise", "QAveragePool", "QFullyConnected"}) {
    for (const OpInstance& sample : operatorNamed(name).samples()) {
      OpView other = sample.view;
      for (const char* scale : {"rate", "residual_scale", "scale"})
        if (other.attrs.has(scale)) other.attrs.set(scale, 3.25 * other.attrs.number(scale));
      if (other.attrs.has("scales")) {
        auto scales = other.attrs.numbers("scales");
        for (double& s : scales) s *= 0.75;
        other.attrs.set("scales", scales);
      }
      for (const char* zero : {"zero", "residual_zero", "x_zero"})
        if (other.attrs.integer(zero) != 0) other.attrs.set(zero, std::int64_t{5});
      EXPECT_EQ(planarView(other).text(), planarView(sample.view).text()) << name;
      EXPECT_EQ(denseView(other).text(), denseView(sample.view).text()) << name;
      EXPECT_EQ(planarView(planarView(other)).text(), planarView(other).text());
      EXPECT_EQ(operatorNamed(name).infer(planarView(other).attrs, other.inputs),
                operatorNamed(name).infer(other.attrs, other.inputs))
          << "floats and codes stay apart";
    }
  }
  const OpView plain{"Pointwise", {{"scale", 2.5}}, {f32({1, 4, 8, 8})}, {f32({1, 4, 8, 8})}};
  EXPECT_EQ(planarView(plain).attrs.number("scale"), 2.5) << "of other operators";
}

TEST(ProblemText, DamagedTextIsAnErrorOrAnotherProblem) {
  const std::string text =
      makeSample("Convolution", {{"pads", List{1, 1, 1, 1}}}, {f32({1, 16, 8, 8}), f32({16, 16, 3, 3})})
          .view.text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const int bit : {1, 2, 4, 16}) {
      std::string flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      try {
        EXPECT_NE(parseOpView(flipped).text(), text);
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::BadCache) << flipped;
      }
    }
    EXPECT_THROW(parseOpView(text.substr(0, i)), Error) << text.substr(0, i);
  }
}

TEST(Shrunken, LargeProblemsHaveSmallOnesOfTheirKind) {
  const auto sample = [](Attributes attrs, Shape x, Shape weights, bool residual = false) {
    std::vector<TensorDesc> inputs{f32(x), f32(weights), f32({weights[0]})};
    OpView view = makeSample("Convolution", attrs, inputs, {}, {false, true, true}).view;
    if (residual) {
      view.inputs.push_back(f32(view.outputs[0].shape));
      view.outputs = operatorNamed(view.op).infer(view.attrs, view.inputs);
    }
    return view;
  };
  for (const OpView& view : {sample({{"pads", List{1, 1, 1, 1}}}, {8, 512, 128, 256}, {512, 512, 3, 3}, true),
                             sample({{"pads", List{3, 3, 3, 3}}}, {1, 512, 16, 32}, {4096, 512, 7, 7}),
                             sample({{"pads", List{16, 16, 16, 16}}, {"dilations", List{16, 16}}},
                                    {1, 25, 45, 60}, {25, 25, 3, 3}, true),
                             sample({{"strides", List{2, 2}}}, {32, 256, 56, 56}, {512, 256, 1, 1})}) {
    const auto smaller = shrunken(view);
    ASSERT_FALSE(smaller.empty()) << view.text();
    for (const OpView& s : smaller) {
      EXPECT_LE(referenceWork(s), 2e7);
      EXPECT_EQ(s.op, view.op);
      EXPECT_EQ(operatorNamed(s.op).infer(s.attrs, s.inputs), s.outputs) << s.text();
      EXPECT_EQ(s.has(3), view.has(3)) << "the residual stays";
    }
  }
}

TEST(Shrunken, EverySampleIsSmallEnoughOrShrinks) {
  for (const Operator* op : allOperators())
    for (const OpInstance& sample : op->samples()) {
      const auto smaller = shrunken(sample.view);
      ASSERT_FALSE(smaller.empty()) << sample.view.text();
      for (const OpView& s : smaller) EXPECT_LE(s.outputs[0].size(), sample.view.outputs[0].size());
    }
}

TEST(MadeUpOperands, AreRepeatableAndSpreadCodes) {
  OpView view;
  for (const OpInstance& sample : operatorNamed("QConvolution").samples())
    if (sample.view.attrs.has("rate") && sample.view.inputs[0].size() > 500) view = sample.view;
  ASSERT_FALSE(view.inputs.empty());
  const auto inputs = madeUpOperands(view);
  EXPECT_EQ(inputs, madeUpOperands(view));
  std::vector<HostTensor> outputs{HostTensor(view.outputs[0].type, view.outputs[0].shape)};
  operatorNamed(view.op).reference(view, inputs, outputs);
  int saturated = 0, zero = 0;
  for (std::int64_t i = 0; i < outputs[0].size(); ++i) {
    saturated += std::abs(outputs[0].number(i)) >= 127;
    zero += outputs[0].number(i) == 0;
  }
  EXPECT_LT(saturated + zero, outputs[0].size() / 2) << "a check of saturated codes would check little";
}

TEST(MadeUpOperands, IndicesAreNotMadeUp) {
  for (const OpInstance& sample : operatorNamed("Gather").samples())
    EXPECT_FALSE(whyNotMeasured(sample.view).empty());
  for (const OpInstance& sample : operatorNamed("Convolution").samples())
    EXPECT_EQ(whyNotMeasured(sample.view), "");
}

}  // namespace
}  // namespace tessera
