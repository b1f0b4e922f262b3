// Float operators that ONNX Runtime's optimiser writes.
#include "tests/import/quantized_case.hpp"

namespace tessera {
namespace {

using tessera_onnx::Attribute;
using test::OnnxModel;

using OnnxContrib = test::QuantizedCase;

TEST_F(OnnxContrib, FusedFloatOperators) {
  const HostTensor x = random(DataType::Float32, {2, 6}, -3, 3);
  const auto run = [&](const std::string& type, const std::vector<std::string>& inputs, auto setUp) {
    OnnxModel model(13);
    model.input("x", {2, 6}).output("y");
    model.floats("w", {6, 6}, std::vector<float>(36, 0.1f))
        .floats("b", {6}, {1, 2, 3, -1, -2, -3})
        .floats("g", {6}, {1, 1, 2, 2, 3, 3});
    setUp(contrib(model, type, inputs, {"y"}));
    return only(import(model), {{"x", x}});
  };
  const auto none = [](tessera_onnx::Node&) {};
  const float b[] = {1, 2, 3, -1, -2, -3}, g[] = {1, 1, 2, 2, 3, 3};
  const auto gelu = [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); };
  const auto gate = [](double v) { return 1 / (1 + std::exp(-v)); };
  const HostTensor plain = run("Gelu", {"x"}, none), biased = run("BiasGelu", {"x", "b"}, none),
                   fast = run("FastGelu", {"x", "b"}, none), quick = run("QuickGelu", {"x"}, none);
  const HostTensor gemm = run("FusedGemm", {"x", "w", "b"}, [](auto& node) {
    set(node, "activation", std::string("LeakyRelu")), set(node, "activation_alpha", 0.25f);
  });
  const HostTensor product = run("FusedMatMul", {"x", "x"}, [](auto& node) {
    OnnxModel::set(node, "transB", std::int64_t{1}), set(node, "alpha", 0.5f);
  });
  const HostTensor skip = run("SkipLayerNormalization", {"x", "x", "g", "b"}, none),
                   simple = run("SkipSimplifiedLayerNormalization", {"x", "x", "g"}, none);
  for (std::int64_t i = 0; i < 12; ++i) {
    const double v = x.number(i), vb = v + static_cast<double>(b[i % 6]);
    EXPECT_NEAR(plain.number(i), gelu(v), 1e-5);
    EXPECT_NEAR(biased.number(i), gelu(vb), 1e-5);
    EXPECT_NEAR(fast.number(i), gelu(vb), 2e-3);
    EXPECT_NEAR(quick.number(i), v * gate(1.702 * v), 1e-5);
    double sum = 0, mean = 0, square = 0;
    for (std::int64_t k = 0; k < 6; ++k) {
      const double e = x.number(i / 6 * 6 + k);
      sum += 0.1 * e, mean += 2 * e / 6, square += 4 * e * e / 6;
    }
    const double z = sum + static_cast<double>(b[i % 6]);
    EXPECT_NEAR(gemm.number(i), z < 0 ? 0.25 * z : z, 1e-5);
    EXPECT_NEAR(skip.number(i),
                (2 * v - mean) / std::sqrt(square - mean * mean) * static_cast<double>(g[i % 6]) +
                    static_cast<double>(b[i % 6]),
                1e-4);
    EXPECT_NEAR(simple.number(i), 2 * v / std::sqrt(square + 1e-5) * static_cast<double>(g[i % 6]), 1e-4);
  }
  for (std::int64_t i = 0; i < 4; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < 6; ++k) sum += x.number(i / 2 * 6 + k) * x.number(i % 2 * 6 + k);
    EXPECT_NEAR(product.number(i), 0.5 * sum, 1e-4);
  }
}

// Both lie in the format's own domain, in sets that know nothing of them.
TEST_F(OnnxContrib, LayerNormalizationsBeforeTheirTime) {
  for (const std::string type : {"LayerNormalization", "SimplifiedLayerNormalization"}) {
    OnnxModel model(13);
    model.input("x", {1, 2}).floats("g", {2}, {1, 10}).output("y");
    auto& node = model.node(type, {"x", "g"}, {"y"});
    set(node, "epsilon", 0.0f);
    const HostTensor y = only(import(model), {{"x", HostTensor::of<float>({1, 2}, {1, 7})}});
    const bool centred = type == "LayerNormalization";  // -1, 1; else 1 / 5, 7 / 5
    EXPECT_NEAR(y.number(0), centred ? -1 : 0.2, 1e-5);
    EXPECT_NEAR(y.number(1), centred ? 10 : 14, 1e-4);
  }
}

TEST_F(OnnxContrib, FusedConvolutionsAddAndActivate) {
  OnnxModel model(13);
  model.input("x", {1, 1, 2, 2})
      .input("z", {1, 1, 2, 2})
      .floats("w", {1, 1, 1, 1}, {2})
      .floats("b", {1}, {-1})
      .output("y");
  auto& node = contrib(model, "FusedConv", {"x", "w", "b", "z"}, {"y"});
  set(node, "activation", std::string("Clip"));
  auto& bounds = OnnxModel::attribute(node, "activation_params", Attribute::FLOATS);
  bounds.add_floats(0), bounds.add_floats(6);
  const auto x = HostTensor::of<float>({1, 1, 2, 2}, {-1, 1, 2, 3}),
             z = HostTensor::of<float>({1, 1, 2, 2}, {1, 1, 1, 10});
  const HostTensor y = only(import(model), {{"x", x}, {"z", z}});
  EXPECT_THAT(y.as<float>(), testing::ElementsAre(0, 2, 4, 6));
}

}  // namespace
}  // namespace tessera
