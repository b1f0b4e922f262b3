// Batches of models that fix their batch size within.
#include "apps/common/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tessera::app {
namespace {

// `inner`: the first extent that a Reshape gives, whatever the batch is.
Graph network(std::int64_t batch, std::int64_t inner) {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {batch, 4, 10, 10});
  graph.markOutput(graph.add("Reshape", "boxes", {x}, {{"shape", Shape{inner, batch * 100 / inner, 4}}}));
  graph.markOutput(graph.add("Relu", "features", {x}));
  return graph;
}

TEST(Batch, ThatAModelLaysEndToEndIsRefused) {
  EXPECT_NO_THROW(checkBatch("m.onnx", network(1, 1), network(2, 2), 2));
  try {
    checkBatch("m.onnx", network(1, 1), network(2, 1), 2);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(e.what(),
                testing::AllOf(testing::HasSubstr("m.onnx"), testing::HasSubstr("'boxes' is 1x100x4"),
                               testing::HasSubstr("1x200x4 for 2")));
  }
}

TEST(Batch, OutputsThatDoNotDependOnItMayStay) {
  const auto withPriors = [](std::int64_t batch) {
    Graph graph = network(batch, batch);
    const TensorId priors = graph.addConstant("p", HostTensor(DataType::Float32, {1, 2, 8}));
    graph.markOutput(graph.add("Identity", "priors", {priors}));
    return graph;
  };
  EXPECT_NO_THROW(checkBatch("m.onnx", withPriors(1), withPriors(3), 3));
}

}  // namespace
}  // namespace tessera::app
