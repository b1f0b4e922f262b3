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
  /// The error an import ends in.
  std::string message(const OnnxModel& model, ErrorCode code, const ImportOptions& options = {}) {
    try {
      import(model, options);
    } catch (const Error& e) {
      EXPECT_EQ(toString(e.code()), toString(code)) << e.what();
      return e.what();
    }
    ADD_FAILURE() << "no error";
    return {};
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
