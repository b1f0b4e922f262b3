/// \file
/// Imports models that tests build in code, and runs what comes out on the host.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "graph/evaluate.hpp"
#include "tessera/importer.hpp"
#include "tests/import/onnx_model.hpp"
#include "tests/support/refusal.hpp"

namespace tessera::test {

class OnnxFixture : public testing::Test {
 protected:
  Graph import(const OnnxModel& model, const ImportOptions& options = {}) {
    return importOnnx(folder_.write("model.onnx", model.bytes()), options);
  }
  template <class T = float>
  static std::vector<T> run(const Graph& graph, const std::map<std::string, HostTensor>& inputs = {},
                            std::size_t output = 0) {
    const auto results = evaluate(graph, inputs);
    const auto values = results.at(output).as<T>();
    return {values.begin(), values.end()};
  }
  /// Values of output `i` as floats where every input counts 0, 1, 2.. times `step`.
  static std::vector<float> runCounting(const Graph& graph, std::size_t i = 0, double step = 1) {
    std::map<std::string, HostTensor> inputs;
    for (TensorId id : graph.inputs()) {
      HostTensor x(graph.tensor(id).type, graph.tensor(id).shape);
      for (std::int64_t k = 0; k < x.size(); ++k) x.setNumber(k, step * static_cast<double>(k));
      inputs[graph.tensor(id).name] = x;
    }
    const auto result = evaluate(graph, inputs).at(i);
    std::vector<float> values;
    for (std::int64_t k = 0; k < result.size(); ++k) values.push_back(static_cast<float>(result.number(k)));
    return values;
  }
  /// The error an import ends in.
  std::string message(const OnnxModel& model, ErrorCode code, const ImportOptions& options = {}) {
    return refusal([&] { import(model, options); }, code);
  }
  static HostTensor floats(Shape shape, const std::vector<float>& values) {
    return HostTensor::of<float>(std::move(shape), values);
  }
  static tessera_onnx::Graph& graphAttribute(tessera_onnx::Node& node, const std::string& name) {
    return *OnnxModel::attribute(node, name, tessera_onnx::Attribute::GRAPH).mutable_g();
  }

  ScratchFolder folder_;
};

}  // namespace tessera::test
