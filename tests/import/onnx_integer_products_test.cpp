// Exact sums of integers of any length, and dynamic quantisation, which is made of them.
#include "tests/import/quantized_case.hpp"

namespace tessera {
namespace {

using tessera_onnx::Tensor;
using test::OnnxModel;
using Ints = std::vector<std::int64_t>;

using OnnxIntegerProducts = test::QuantizedCase;
using test::code;

// Sums far beyond 2^24, odd ones among them: f32 alone would round them.
TEST_F(OnnxIntegerProducts, IntegerMatrixProductsOfAnyLengthAreExact) {
  for (const bool known : {true, false}) {
    constexpr std::int64_t kDepth = 1501;
    OnnxModel model(13);
    model.input("a", {3, kDepth}, Tensor::UINT8).output("y");
    const HostTensor a = random(DataType::UInt8, {3, kDepth}, 250, 255),
                     b = random(DataType::Int8, {kDepth, 2}, 100, 127, 2);
    if (known)
      constant(model, "b", Tensor::INT8, b);
    else
      model.input("b", {kDepth, 2}, Tensor::INT8);
    model.initializer("az", Tensor::UINT8, {}).add_int32_data(3);
    auto& bz = model.initializer("bz", Tensor::INT8, {2});
    bz.add_int32_data(-128), bz.add_int32_data(5);
    model.node("MatMulInteger", {"a", "b", "az", "bz"}, {"y"});
    const HostTensor y = only(import(model), {{"a", a}, {"b", b}});
    ASSERT_EQ(y.type, DataType::Int32);
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t j = 0; j < 2; ++j) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < kDepth; ++k)
          sum += (a.integer(i * kDepth + k) - 3) * (b.integer(k * 2 + j) - (j == 0 ? -128 : 5));
        EXPECT_GT(sum, 1 << 24);
        EXPECT_EQ(y.integer(i * 2 + j), sum);
      }
  }
}

TEST_F(OnnxIntegerProducts, IntegerConvolutionsOfAnySizeAreExact) {
  struct Case {
    std::int64_t channels, group, kernel;
  };
  for (const Case c : {Case{70, 1, 3}, Case{140, 2, 3}, Case{1, 1, 23}}) {
    const std::int64_t perGroup = c.channels / c.group, size = c.kernel + 1, outputs = 2 * c.group;
    OnnxModel model(13);
    model.input("x", {1, c.channels, size, size}, Tensor::UINT8).output("y");
    const HostTensor x = random(DataType::UInt8, {1, c.channels, size, size}, 240, 255);
    const HostTensor w = random(DataType::UInt8, {outputs, perGroup, c.kernel, c.kernel}, 200, 255, 2);
    constant(model, "w", Tensor::UINT8, w);
    model.initializer("wz", Tensor::UINT8, {}).add_int32_data(1);
    model.initializer("xz", Tensor::UINT8, {}).add_int32_data(2);
    OnnxModel::set(model.node("ConvInteger", {"x", "w", "xz", "wz"}, {"y"}), "group", c.group);
    const HostTensor y = only(import(model), {{"x", x}});
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const std::int64_t k = i / 4, oy = i % 4 / 2, ox = i % 2;
      std::int64_t sum = 0;
      for (std::int64_t ch = 0; ch < perGroup; ++ch)
        for (std::int64_t t = 0; t < c.kernel * c.kernel; ++t) {
          const std::int64_t iy = oy + t / c.kernel, ix = ox + t % c.kernel;
          sum += (x.integer(((k / 2 * perGroup + ch) * size + iy) * size + ix) - 2) *
                 (w.integer((k * perGroup + ch) * c.kernel * c.kernel + t) - 1);
        }
      EXPECT_GT(sum, 1 << 24);
      EXPECT_EQ(y.integer(i), sum) << c.channels << " channels, group " << c.group;
    }
  }
}

TEST_F(OnnxIntegerProducts, DynamicProducts) {
  const HostTensor x = random(DataType::Float32, {2, 40}, -1, 3),
                   b = random(DataType::Int8, {40, 3}, -127, 127);
  OnnxModel model(13);
  model.input("x", {2, 40}).output("y").output("zeros");
  constant(model, "b", Tensor::INT8, b);
  model.floats("bs", {}, {0.0123f})
      .floats("bias", {3}, {1, -2, 3})
      .floats("none", {2, 40}, std::vector<float>(80));
  contrib(model, "DynamicQuantizeMatMul", {"x", "b", "bs", "", "bias"}, {"y"});
  model.node("DynamicQuantizeLinear", {"none"}, {"q", "zeros", "z"});
  const Graph graph = import(model);
  const HostTensor y = only(graph, {{"x", x}});
  double low = 0, high = 0;
  for (std::int64_t i = 0; i < x.size(); ++i)
    low = std::min(low, x.number(i)), high = std::max(high, x.number(i));
  const auto scale = static_cast<float>((high - low) / 255);
  const int zero = static_cast<int>(std::rint(-low / static_cast<double>(scale)));
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < 40; ++k)
        sum += (code(x.number(i * 40 + k), scale, zero, 0) - zero) * b.number(k * 3 + j);
      const double bias[] = {1, -2, 3};
      EXPECT_NEAR(y.number(i * 3 + j),
                  sum * static_cast<double>(scale) * static_cast<double>(0.0123f) + bias[j],
                  static_cast<double>(scale))
          << i << j;
    }
  EXPECT_EQ(only(graph, {{"x", x}}, 1).number(0), 1) << "the scale of zeros alone";
}

// Against an LSTM of the same weights in floats: codes of 8 bits are some hundredths off at most.
TEST_F(OnnxIntegerProducts, RecurrentLayersOfCodes) {
  for (const bool perColumn : {false, true}) {
    constexpr std::int64_t kSteps = 3, kInputs = 4, kHidden = 5, kGates = 4 * kHidden;
    OnnxModel coded(13), plain(13);
    std::vector<std::string> operands{"x"};
    for (const std::string name : {"w", "r"}) {
      const std::int64_t rows = name == "w" ? kInputs : kHidden, columns = perColumn ? kGates : 1;
      const HostTensor codes = random(DataType::UInt8, {2, rows, kGates}, 0, 255, name == "w" ? 3 : 4);
      HostTensor scale(DataType::Float32, {2, columns}), zero(DataType::UInt8, {2, columns}),
          turned(DataType::Float32, {2, kGates, rows});
      for (std::int64_t i = 0; i < 2 * columns; ++i)
        scale.setNumber(i, 0.004 + 0.0001 * static_cast<double>(i)),
            zero.setNumber(i, static_cast<double>(120 + i % 9));
      for (std::int64_t d = 0; d < 2; ++d)
        for (std::int64_t k = 0; k < rows; ++k)
          for (std::int64_t c = 0; c < kGates; ++c) {
            const std::int64_t at = d * columns + (perColumn ? c : 0);
            turned.setNumber(
                (d * kGates + c) * rows + k,
                (codes.number((d * rows + k) * kGates + c) - zero.number(at)) * scale.number(at));
          }
      if (!perColumn) scale.shape = zero.shape = {2};
      constant(coded, name, Tensor::UINT8, codes);
      constant(coded, name + "s", Tensor::FLOAT, scale);
      constant(coded, name + "z", Tensor::UINT8, zero);
      constant(plain, name, Tensor::FLOAT, turned);
      operands.push_back(name);
    }
    const HostTensor bias = random(DataType::Float32, {2, 2 * kGates}, -0.2, 0.2, 5);
    const HostTensor x = random(DataType::Float32, {kSteps, 2, kInputs}, -1, 1, 6);
    for (OnnxModel* model : {&coded, &plain}) {
      model->input("x", {kSteps, 2, kInputs}).output("y").output("h").output("c");
      constant(*model, "b", Tensor::FLOAT, bias);
    }
    operands.push_back("b");
    auto& reference = plain.node("LSTM", operands, {"y", "h", "c"});
    operands.insert(operands.end(), {"", "", "", "", "ws", "wz", "rs", "rz"});
    auto& node = contrib(coded, "DynamicQuantizeLSTM", operands, {"y", "h", "c"});
    for (auto* each : {&reference, &node}) {
      OnnxModel::set(*each, "hidden_size", kHidden);
      set(*each, "direction", std::string("bidirectional"));
    }
    const Graph graph = import(coded), wanted = import(plain);
    for (std::size_t o = 0; o < 3; ++o) {
      const HostTensor y = only(graph, {{"x", x}}, o), right = only(wanted, {{"x", x}}, o);
      ASSERT_EQ(y.shape, right.shape);
      for (std::int64_t i = 0; i < y.size(); ++i)
        EXPECT_NEAR(y.number(i), right.number(i), 0.02) << o << " " << i;
    }
  }
}

}  // namespace
}  // namespace tessera
