// One engine, a context per thread: the same bits as one thread gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "exec/engine_impl.hpp"
#include "lower/chain.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using namespace test;

constexpr unsigned kThreads = 8;
// Mesa's software device takes tens of milliseconds a run.
int runsOn(const Device& device) { return device.caps().platform == "rusticl" ? 4 : 200; }

TensorMap inputOf(unsigned thread) {
  TensorMap inputs = int8NetworkInput();
  for (auto& [name, value] : inputs) value = portableRandom(value.shape, 500 + thread, -2, 2);
  return inputs;
}

std::vector<TensorMap> oneAfterAnother(const std::shared_ptr<const Engine>& engine) {
  std::vector<TensorMap> results;
  for (unsigned i = 0; i < kThreads; ++i) results.push_back(Context(engine).run(inputOf(i)));
  return results;
}

void expectTheSameFromThreads(const std::shared_ptr<const Engine>& engine) {
  const std::vector<TensorMap> expected = oneAfterAnother(engine);
  EXPECT_NE(expected[0].begin()->second.data, expected[1].begin()->second.data) << "inputs do not matter";
  std::atomic<unsigned> waiting{kThreads};
  std::vector<std::string> faults(kThreads);
  std::vector<std::thread> threads;
  const int runs = runsOn(engine->device());
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      try {
        Context context(engine);  // while others run
        const TensorMap inputs = inputOf(i);
        for (--waiting; waiting > 0;) std::this_thread::yield();
        for (int run = 0; run < runs; ++run)
          for (const auto& [name, value] : context.run(inputs))
            if (value.data != expected[i].at(name).data)
              faults[i] += name + " differs in run " + std::to_string(run) + "\n";
      } catch (const std::exception& e) {
        faults[i] += e.what();
        waiting = 0;  // others must not wait for it
      }
    });
  for (auto& thread : threads) thread.join();
  for (unsigned i = 0; i < kThreads; ++i) EXPECT_EQ(faults[i], "") << "thread " << i;
}

TEST(Threads, ContextsOfOneEngineGiveTheBitsOfOneThread) {
  const Graph network = int8Network();
  EngineOptions options;
  for (const Device& device : devices()) expectTheSameFromThreads(Engine::build(network, device, options));
}

TEST(Threads, ContextsOfOneInt8EngineGiveTheBitsOfOneThread) {
  const Graph network = int8Network();
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = int8NetworkCalibration(network);
  options.optimized = true;
  for (const Device& device : devices()) expectTheSameFromThreads(Engine::build(network, device, options));
}

// Two convolutions, which PoCL chains as well.
Graph convolutions() {
  Graph g;
  g.name = "convolutions";
  TensorId x = g.addInput("x", DataType::Float32, {2, 8, 9, 11});
  for (const std::string name : {"first", "second"}) {
    const Shape shape{16, g.tensor(x).shape[1], 3, 3};
    x = g.add("Convolution", name, {x, g.addConstant(name + ".w", portableRandom(shape, 7, -1, 1))});
  }
  g.markOutput(x);
  return g;
}

// In one launch the kernels of steps are built by whoever asks for them first.
TEST(Threads, KernelsOfStepsAreThereForAllWhoAskAtOnce) {
  const auto device = std::ranges::find_if(devices(), [](const Device& d) { return canChain(d.caps()).ok; });
  if (device == devices().end()) GTEST_SKIP() << "no device runs networks in one launch";
  const Folder folder;
  EngineOptions options;
  options.launches = Launches::One;
  options.tuning.folder = "";
  Engine::build(convolutions(), *device, options)->save(folder / "one.plan");
  const auto engine = Engine::load(folder / "one.plan", *device, options.tuning);
  ASSERT_EQ(engine->launches(), 1u);
  const TensorMap inputs{{"x", portableRandom({2, 8, 9, 11}, 3, -1, 1)}};
  const TensorMap expected = Context(engine).run(inputs);
  EXPECT_GT(engine->impl().programs.deferred(), 0u);
  std::vector<std::string> faults(kThreads);
  std::vector<std::thread> threads;
  for (std::string& fault : faults)
    threads.emplace_back([&] {
      try {
        Context context(engine);
        if (context.run(inputs) != expected) fault += "wrong before\n";
        if (context.profile(1).size() != engine->layers().size()) fault += "no profile\n";
        if (context.run(inputs) != expected) fault += "wrong after\n";
      } catch (const std::exception& e) {
        fault += e.what();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
  EXPECT_EQ(engine->impl().programs.deferred(), 0u);
}

// Engines share the device's programs and caches.
TEST(Threads, EnginesAreBuiltAndUsedInThreads) {
  const Graph network = int8Network();
  const Device& device = devices().front();
  const TensorMap expected = Context(Engine::build(network, device)).run(inputOf(0));
  std::vector<std::string> faults(4);
  std::vector<std::thread> threads;
  for (std::string& fault : faults)
    threads.emplace_back([&] {
      try {
        for (const auto& [name, value] : Context(Engine::build(network, device)).run(inputOf(0)))
          if (value.data != expected.at(name).data) fault += name + " differs\n";
      } catch (const std::exception& e) {
        fault += e.what();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const std::string& fault : faults) EXPECT_EQ(fault, "");
}

}  // namespace
}  // namespace tessera
