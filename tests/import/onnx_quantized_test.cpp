// Operators on codes that quantisers write.
#include "tests/import/quantized_case.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using testing::HasSubstr;
using Ints = std::vector<std::int64_t>;

using test::code;
using test::value;
using OnnxQuantized = test::QuantizedCase;

/// Both differ by a code at most, and seldom: sums in float may fall on the other side of a tie.
void expectCodes(const HostTensor& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), static_cast<std::int64_t>(expected.size()));
  std::int64_t off = 0;
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual.number(i), expected[i], 1) << i;
    off += actual.number(i) != expected[i];
  }
  EXPECT_LE(off * 20, actual.size());
}

TEST_F(OnnxQuantized, SumsAndProductsOfCodes) {
  for (const std::string type : {"QLinearAdd", "QLinearMul"}) {
    OnnxModel model(13);
    model.input("a", {2, 30}, Tensor::UINT8).input("b", {30}, Tensor::UINT8).output("y");
    parameters(model, "a", 0.0317f, Tensor::UINT8, 120);
    parameters(model, "b", 0.0123f, Tensor::UINT8, 3);
    parameters(model, "y", 0.0417f, Tensor::UINT8, 99);
    contrib(model, type, {"a", "a.s", "a.z", "b", "b.s", "b.z", "y.s", "y.z"}, {"y"});
    const HostTensor a = random(DataType::UInt8, {2, 30}, 0, 255),
                     b = random(DataType::UInt8, {30}, 0, 255, 2);
    std::vector<double> expected;
    for (std::int64_t i = 0; i < a.size(); ++i) {
      const double x = value(a.number(i), 0.0317f, 120), w = value(b.number(i % 30), 0.0123f, 3);
      expected.push_back(code(type == "QLinearAdd" ? x + w : x * w, 0.0417f, 99, 0));
    }
    expectCodes(only(import(model), {{"a", a}, {"b", b}}), expected);
  }
}

TEST_F(OnnxQuantized, FunctionsOfCodes) {
  for (const std::string type : {"QLinearSigmoid", "QLinearLeakyRelu"}) {
    OnnxModel model(13);
    model.input("x", {256}, Tensor::INT8).output("y");
    parameters(model, "x", 0.0531f, Tensor::INT8, -10);
    parameters(model, "y", 0.0193f, Tensor::INT8, -100);
    auto& node = contrib(model, type, {"x", "x.s", "x.z", "y.s", "y.z"}, {"y"});
    if (type == "QLinearLeakyRelu") set(node, "alpha", 0.2f);
    HostTensor x(DataType::Int8, {256});
    std::vector<double> expected;
    for (int i = 0; i < 256; ++i) {
      x.setNumber(i, i - 128);
      const double v = value(i - 128, 0.0531f, -10);
      expected.push_back(code(type == "QLinearSigmoid" ? 1 / (1 + std::exp(-v))
                              : v < 0                  ? 0.2 * v
                                                       : v,
                              0.0193f, -100, -128));
    }
    expectCodes(only(import(model), {{"x", x}}), expected);
  }
}

TEST_F(OnnxQuantized, MeansOfCodes) {
  const HostTensor x = random(DataType::UInt8, {1, 5, 6, 6}, 0, 255);
  const auto mean = [&](std::int64_t c, std::int64_t y0, std::int64_t x0, std::int64_t n) {
    double sum = 0;
    for (std::int64_t y = y0; y < y0 + n; ++y)
      for (std::int64_t v = x0; v < x0 + n; ++v) sum += value(x.number((c * 6 + y) * 6 + v), 0.0317f, 120);
    return sum / static_cast<double>(n * n);
  };
  for (const std::string type : {"QLinearGlobalAveragePool", "QLinearReduceMean", "QLinearAveragePool"}) {
    OnnxModel model(13);
    model.input("x", {1, 5, 6, 6}, Tensor::UINT8).output("y");
    parameters(model, "x", 0.0317f, Tensor::UINT8, 120);
    parameters(model, "y", 0.0193f, Tensor::UINT8, 110);
    auto& node = contrib(model, type, {"x", "x.s", "x.z", "y.s", "y.z"}, {"y"});
    const bool window = type == "QLinearAveragePool";
    if (type == "QLinearReduceMean") OnnxModel::set(node, "axes", Ints{2, 3});
    if (window) {
      OnnxModel::set(node, "kernel_shape", Ints{3, 3});
      OnnxModel::set(node, "strides", Ints{3, 3});
    }
    std::vector<double> expected;
    for (std::int64_t c = 0; c < 5; ++c)
      for (std::int64_t part = 0; part < (window ? 4 : 1); ++part)
        expected.push_back(
            code(window ? mean(c, part / 2 * 3, part % 2 * 3, 3) : mean(c, 0, 0, 6), 0.0193f, 110, 0));
    expectCodes(only(import(model), {{"x", x}}), expected);
  }
}

TEST_F(OnnxQuantized, ConcatTakesPartsOfAnyScale) {
  OnnxModel model(13);
  model.input("a", {2, 3}, Tensor::UINT8).input("b", {2, 2}, Tensor::UINT8).output("y");
  parameters(model, "a", 0.0317f, Tensor::UINT8, 120);
  parameters(model, "b", 0.0123f, Tensor::UINT8, 3);
  parameters(model, "y", 0.0193f, Tensor::UINT8, 128);
  OnnxModel::set(contrib(model, "QLinearConcat", {"y.s", "y.z", "a", "a.s", "a.z", "b", "b.s", "b.z"}, {"y"}),
                 "axis", std::int64_t{1});
  const HostTensor a = random(DataType::UInt8, {2, 3}, 0, 255),
                   b = random(DataType::UInt8, {2, 2}, 0, 255, 2);
  std::vector<double> expected;
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t i = 0; i < 3; ++i)
      expected.push_back(code(value(a.number(row * 3 + i), 0.0317f, 120), 0.0193f, 128, 0));
    for (std::int64_t i = 0; i < 2; ++i)
      expected.push_back(code(value(b.number(row * 2 + i), 0.0123f, 3), 0.0193f, 128, 0));
  }
  expectCodes(only(import(model), {{"a", a}, {"b", b}}), expected);
}

TEST_F(OnnxQuantized, SoftmaxOfCodesAlongAnAxisOrFromItOn) {
  for (const std::int64_t opset : {12, 13}) {
    OnnxModel model(13);
    model.input("x", {2, 3, 4}, Tensor::UINT8).output("y");
    parameters(model, "x", 0.0317f, Tensor::UINT8, 120);
    parameters(model, "y", 1 / 256.0f, Tensor::UINT8, 0);
    auto& node = contrib(model, "QLinearSoftmax", {"x", "x.s", "x.z", "y.s", "y.z"}, {"y"});
    OnnxModel::set(node, "axis", std::int64_t{1});
    OnnxModel::set(node, "opset", opset);
    const HostTensor x = random(DataType::UInt8, {2, 3, 4}, 0, 255);
    std::vector<double> e, expected;
    for (std::int64_t i = 0; i < 24; ++i) e.push_back(std::exp(value(x.number(i), 0.0317f, 120)));
    for (std::int64_t i = 0; i < 24; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < 24; ++k)
        if (k / 12 == i / 12 && (opset < 13 || k % 4 == i % 4)) sum += e[k];
      expected.push_back(code(e[i] / sum, 1 / 256.0f, 0, 0));
    }
    expectCodes(only(import(model), {{"x", x}}), expected);
  }
}

TEST_F(OnnxQuantized, WhereChoosesBetweenCodes) {
  OnnxModel model(13);
  model.input("c", {4}, Tensor::BOOL)
      .input("a", {4}, Tensor::UINT8)
      .input("b", {4}, Tensor::UINT8)
      .output("y");
  parameters(model, "a", 0.0317f, Tensor::UINT8, 120);
  parameters(model, "b", 0.0123f, Tensor::UINT8, 3);
  parameters(model, "y", 0.0193f, Tensor::UINT8, 128);
  contrib(model, "QLinearWhere", {"c", "a", "a.s", "a.z", "b", "b.s", "b.z", "y.s", "y.z"}, {"y"});
  HostTensor c(DataType::Bool, {4});
  c.setNumber(1, 1), c.setNumber(2, 1);
  const HostTensor a = random(DataType::UInt8, {4}, 0, 255), b = random(DataType::UInt8, {4}, 0, 255, 2);
  std::vector<double> expected;
  for (std::int64_t i = 0; i < 4; ++i)
    expected.push_back(
        code(c.number(i) != 0 ? value(a.number(i), 0.0317f, 120) : value(b.number(i), 0.0123f, 3), 0.0193f,
             128, 0));
  expectCodes(only(import(model), {{"c", c}, {"a", a}, {"b", b}}), expected);
}

TEST_F(OnnxQuantized, GemmOfCodesWithABiasOfSums) {
  for (const bool floats : {false, true})
    for (const bool turned : {false, true}) {
      OnnxModel model(13);
      model.input("a", {3, 20}, Tensor::UINT8).output("y");
      parameters(model, "a", 0.0317f, Tensor::UINT8, 120);
      parameters(model, "y", 0.0531f, Tensor::UINT8, 128);
      model.floats("b.s", {4}, {0.0123f, 0.0193f, 0.005f, 0.0317f});
      auto& zeros = model.initializer("b.z", Tensor::INT8, {4});
      for (int k = 0; k < 4; ++k) zeros.add_int32_data(0);
      const HostTensor a = random(DataType::UInt8, {3, 20}, 0, 255),
                       b = random(DataType::Int8, turned ? Shape{4, 20} : Shape{20, 4}, -127, 127, 2);
      constant(model, "b", Tensor::INT8, b);
      const HostTensor c = random(DataType::Int32, {4}, -3000, 3000);
      constant(model, "c", Tensor::INT32, c);
      std::vector<std::string> inputs{"a", "a.s", "a.z", "b", "b.s", "b.z", "c"};
      if (!floats) inputs.insert(inputs.end(), {"y.s", "y.z"});
      auto& node = contrib(model, "QGemm", inputs, {"y"});
      OnnxModel::set(node, "transB", std::int64_t{turned});
      set(node, "alpha", 0.5f);
      const float scales[] = {0.0123f, 0.0193f, 0.005f, 0.0317f};
      std::vector<double> expected;
      for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t j = 0; j < 4; ++j) {
          double sum = c.number(j);
          for (std::int64_t k = 0; k < 20; ++k)
            sum += (a.number(i * 20 + k) - 120) * b.number(turned ? j * 20 + k : k * 4 + j);
          const double y = 0.5 * static_cast<double>(0.0317f) * static_cast<double>(scales[j]) * sum;
          expected.push_back(floats ? y : code(y, 0.0531f, 128, 0));
        }
      const HostTensor y = only(import(model), {{"a", a}});
      if (floats) {
        EXPECT_EQ(y.type, DataType::Float32);
        for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(y.number(i), expected[i], 1e-4) << i;
      } else {
        expectCodes(y, expected);
      }
    }
}

TEST_F(OnnxQuantized, ConvolutionsOfShortSequences) {
  OnnxModel model(13);
  model.input("x", {1, 2, 2}, Tensor::UINT8).output("y");  // two steps, a window of five
  parameters(model, "x", 0.0317f, Tensor::UINT8, 120);
  parameters(model, "w", 0.0123f, Tensor::INT8, 0);
  parameters(model, "y", 0.0193f, Tensor::UINT8, 110);
  const HostTensor w = random(DataType::Int8, {3, 2, 5}, -127, 127),
                   x = random(DataType::UInt8, {1, 2, 2}, 0, 255);
  constant(model, "w", Tensor::INT8, w);
  OnnxModel::set(model.node("QLinearConv", {"x", "x.s", "x.z", "w", "w.s", "w.z", "y.s", "y.z"}, {"y"}),
                 "pads", Ints{2, 2});
  std::vector<double> expected;
  for (std::int64_t k = 0; k < 3; ++k)
    for (std::int64_t at = 0; at < 2; ++at) {
      double sum = 0;
      for (std::int64_t c = 0; c < 2; ++c)
        for (std::int64_t t = 0; t < 5; ++t)
          if (at + t - 2 >= 0 && at + t - 2 < 2)
            sum += value(x.number(c * 2 + at + t - 2), 0.0317f, 120) *
                   value(w.number((k * 2 + c) * 5 + t), 0.0123f, 0);
      expected.push_back(code(sum, 0.0193f, 110, 0));
    }
  expectCodes(only(import(model), {{"x", x}}), expected);
}

TEST_F(OnnxQuantized, CodesOf16Bits) {
  for (const int type : {Tensor::INT16, Tensor::UINT16}) {
    OnnxModel model(21);
    model.input("x", {4}).output("q").output("y");
    parameters(model, "x", 0.01f, type, 100);
    model.node("QuantizeLinear", {"x", "x.s", "x.z"}, {"q"});
    model.node("DequantizeLinear", {"q", "x.s", "x.z"}, {"y"});
    const auto x = HostTensor::of<float>({4}, {-1000, -0.5f, 3.337f, 1000});
    const HostTensor q = only(import(model), {{"x", x}}), y = only(import(model), {{"x", x}}, 1);
    const bool isSigned = type == Tensor::INT16;
    const Ints expected = isSigned ? Ints{-32768, 50, 434, 32767} : Ints{0, 50, 434, 65535};
    for (std::int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(q.integer(i), expected[i]);
      EXPECT_NEAR(y.number(i), 0.01 * static_cast<double>(expected[i] - 100), 1e-3);
    }
  }
  OnnxModel written(21);  // the zero point in a Constant
  written.input("x", {1}).floats("s", {}, {0.01f}).output("q");
  auto& point =
      *OnnxModel::attribute(written.node("Constant", {}, {"z"}), "value", tessera_onnx::Attribute::TENSOR)
           .mutable_t();
  point.set_data_type(Tensor::INT16), point.add_int32_data(100);
  written.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  EXPECT_EQ(only(import(written), {{"x", HostTensor::of<float>({1}, {-1000})}}).integer(0), -32768);
  OnnxModel wide(21);
  wide.input("x", {4}).output("q");
  parameters(wide, "x", 0.01f, Tensor::INT32, 0);
  wide.node("QuantizeLinear", {"x", "x.s", "x.z"}, {"q"}, "wide");
  EXPECT_THAT(refusal(wide), HasSubstr("'wide'"));
}

TEST_F(OnnxQuantized, WhatIsNotKnownIsNamed) {
  OnnxModel model(13);
  model.input("x", {2, 6}).output("y");
  contrib(model, "LongformerAttention", {"x"}, {"y"});
  EXPECT_THAT(refusal(model),
              HasSubstr("LongformerAttention 'LongformerAttention' (com.microsoft operator set 1)"));
  OnnxModel last(13);
  last.input("x", {1, 4, 4, 2}, Tensor::UINT8).output("y");
  parameters(last, "x", 0.1f, Tensor::UINT8, 3);
  OnnxModel::set(contrib(last, "QLinearGlobalAveragePool", {"x", "x.s", "x.z", "x.s", "x.z"}, {"y"}),
                 "channels_last", std::int64_t{1});
  EXPECT_THAT(refusal(last), HasSubstr("channels come last"));
}

}  // namespace
}  // namespace tessera
