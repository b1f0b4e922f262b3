/// \file
/// What tests of quantised ONNX models share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/import/onnx_fixture.hpp"

namespace tessera::test {

/// Codes as the formats define them.
inline double value(double code, float scale, int zero) { return static_cast<double>(scale) * (code - zero); }
inline double code(double x, float scale, int zero, double low) {
  return std::clamp(std::rint(x / static_cast<double>(scale)) + zero, low, low + 255);
}

class QuantizedCase : public OnnxFixture {
 protected:
  static HostTensor only(const Graph& graph, const std::map<std::string, HostTensor>& inputs,
                         std::size_t output = 0) {
    return evaluate(graph, inputs).at(output);
  }
  static HostTensor random(DataType type, Shape shape, double low, double high, unsigned seed = 1) {
    HostTensor t(type, std::move(shape));
    std::mt19937 engine(seed);
    for (std::int64_t i = 0; i < t.size(); ++i) {
      const double v = std::uniform_real_distribution<double>(low, high)(engine);
      t.setNumber(i, type == DataType::Float32 ? v : std::rint(v));
    }
    return t;
  }
  static void constant(OnnxModel& model, const std::string& name, int type, const HostTensor& value) {
    auto& t = model.initializer(name, type, value.shape);
    for (std::int64_t i = 0; i < value.size(); ++i)
      if (type == tessera_onnx::Tensor::FLOAT)
        t.add_float_data(static_cast<float>(value.number(i)));
      else
        t.add_int32_data(static_cast<std::int32_t>(value.integer(i)));
  }
  /// Scale NAME.s and zero point NAME.z.
  static void parameters(OnnxModel& model, const std::string& name, float scale, int type, int zero) {
    model.floats(name + ".s", {}, {scale});
    model.initializer(name + ".z", type, {}).add_int32_data(zero);
  }
  static tessera_onnx::Node& contrib(OnnxModel& model, const std::string& type,
                                     const std::vector<std::string>& inputs,
                                     const std::vector<std::string>& outputs) {
    auto& node = model.node(type, inputs, outputs, type);
    node.set_domain("com.microsoft");
    return node;
  }
  static void set(tessera_onnx::Node& node, const std::string& name, float value) {
    OnnxModel::attribute(node, name, tessera_onnx::Attribute::FLOAT).set_f(value);
  }
  static void set(tessera_onnx::Node& node, const std::string& name, const std::string& value) {
    OnnxModel::attribute(node, name, tessera_onnx::Attribute::STRING).set_s(value);
  }
  std::string refusal(const OnnxModel& model) { return message(model, ErrorCode::Unsupported); }
};

}  // namespace tessera::test
