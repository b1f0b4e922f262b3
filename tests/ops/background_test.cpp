// Searches in the background: contexts go on with what was found, and nothing else changes for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "exec/engine_impl.hpp"
#include "exec/step_trace.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using namespace test;

// Two layers, whose searches are short.
Graph smallNetwork() {
  Graph graph;
  graph.name = "small";
  TensorId x = graph.addInput("x", DataType::Float32, {1, 4, 6, 6});
  for (const std::string name : {"first", "second"})
    x = graph.add("Convolution", name,
                  {x, graph.addConstant(name + ".w", portableRandom({4, 4, 1, 1}, 7, -1, 1))});
  graph.markOutput(x);
  return graph;
}

TensorMap someInput() { return {{"x", portableRandom({1, 4, 6, 6}, 3, -1, 1)}}; }

class BackgroundTuning : public testing::Test {
 protected:
  BackgroundTuning() {
    options.precision = Precision::Int8;
    options.calibration = calibrationOf(network, someInput());
    options.tuning.folder = folder.path();
    options.tuning.seconds = 1;
  }
  std::shared_ptr<const Engine> build(TuneMode mode) {
    options.tuning.mode = mode;
    return Engine::build(network, device(), options);
  }
  static bool hasSwapped(const Context& context) {
    return &StepTrace::stepsOf(context) != &context.engine().impl().lowered;
  }

  const Folder folder;
  const Graph network = smallNetwork();
  EngineOptions options;
};

TEST_F(BackgroundTuning, ContextsGoOnWithWhatWasFoundAndGiveTheSameBits) {
  const TensorMap expected = Context(build(TuneMode::Off)).run(someInput());
  const auto engine = build(TuneMode::Background);
  EXPECT_EQ(engine->tuning().candidates, 0u) << "it answers before anything is tried";
  constexpr int kThreads = 3;
  std::vector<std::string> faults(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      Context context(engine);
      for (int after = 0; after < 3; after += engine->tuningDone()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the search has a low priority
        for (const auto& [name, value] : context.run(someInput()))
          if (value.data != expected.at(name).data) faults[i] += name + " differs\n";
      }
      if (!hasSwapped(context)) faults[i] += "it still runs what was built first\n";
    });
  for (auto& thread : threads) thread.join();
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
  EXPECT_GT(build(TuneMode::Cached)->tuning().exact, 0u) << "what was found is kept";
}

TEST_F(BackgroundTuning, BoundBuffersStayBound) {
  const auto engine = build(TuneMode::Background);
  Context context(engine), other(engine);
  const std::string output = [&] {
    for (const Binding& b : engine->bindings())
      if (!b.isInput) return b.name;
    return std::string();
  }();
  context.bind(output, other.buffer(output));
  engine->waitForTuning();
  EXPECT_TRUE(engine->tuningDone());
  EXPECT_FALSE(hasSwapped(context)) << "between runs only";
  for (const auto& [name, value] : someInput()) context.upload(name, value);
  context.execute();
  EXPECT_TRUE(hasSwapped(context));
  EXPECT_EQ(context.buffer(output), other.buffer(output));
  EXPECT_EQ(other.download(output).data, context.run(someInput()).at(output).data);
}

TEST_F(BackgroundTuning, EndsWithTheEngine) {
  options.tuning.seconds = 600;
  {
    Context context(build(TuneMode::Background));
    context.run(someInput());
  }
  options.tuning.seconds = 1;
  EXPECT_FALSE(Context(build(TuneMode::Cached)).run(someInput()).empty());
}

TEST_F(BackgroundTuning, WhatIsKnownIsNotSearchedFor) {
  build(TuneMode::Background)->waitForTuning();
  const auto again = build(TuneMode::Cached);
  if (again->tuning().exact < again->tuning().problems) GTEST_SKIP() << "a second is too little here";
  EXPECT_TRUE(build(TuneMode::Background)->tuningDone());
}

TEST_F(BackgroundTuning, ShapesThatChangeAreRefused) {
  EngineOptions ranged;
  ranged.tuning.mode = TuneMode::Background;
  ranged.shapes["x"] = {{1, 3, 12, 12}, {1, 3, 12, 12}, {2, 3, 12, 12}};
  const GraphSource source = [](const InputShapes&) { return Graph(); };
  try {
    Engine::build(source, device(), ranged);
    FAIL() << "it was built";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::Unsupported);
    EXPECT_THAT(e.what(), testing::HasSubstr("search first (fast)"));
  }
}

}  // namespace
}  // namespace tessera
