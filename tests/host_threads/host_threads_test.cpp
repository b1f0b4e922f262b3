// What may run on several threads and needs no device: ThreadSanitizer watches these tests.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "apps/common/write_behind.hpp"
#include "exec/background.hpp"
#include "graph/network_hash.hpp"
#include "lower/recipe_chooser.hpp"
#include "tessera/exporter.hpp"
#include "tessera/importer.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/invented_device.hpp"

namespace tessera {
namespace {

constexpr int kThreads = 4;

void onThreads(const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (auto& thread : threads) thread.join();
}

/// Look-ups make their index at the first question, whoever asks it.
TEST(HostThreads, OneGraphIsLookedAtByMany) {
  const Graph graph = test::int8Network();
  std::vector<std::size_t> found(kThreads);
  onThreads([&](int thread) {
    std::size_t sum = 0;
    for (const auto& tensor : graph.tensors()) {
      const TensorId id = graph.findTensor(tensor.name);
      sum += graph.consumers(id).size() + static_cast<std::size_t>(graph.producer(id) + 1);
    }
    const Graph copy = graph;
    found[static_cast<std::size_t>(thread)] = sum + static_cast<std::size_t>(networkHash(copy) % 1000);
  });
  for (const std::size_t sum : found) EXPECT_EQ(sum, found[0]);
}

/// Contexts ask at every run whether a search in the background has found something.
TEST(HostThreads, WhatASearchFoundIsSeenByAll) {
  const auto made = std::make_shared<int>(1);
  const std::shared_ptr<const Engine> engine(made, reinterpret_cast<const Engine*>(made.get()));
  std::atomic<bool> go = false;
  Background search([&](const std::atomic<bool>&) {
    while (!go) std::this_thread::yield();
    return engine;
  });
  std::vector<std::shared_ptr<const Engine>> seen(kThreads);
  onThreads([&](int thread) {
    EXPECT_TRUE(!search.found() || go);
    go = true;
    while (!search.done()) std::this_thread::yield();
    seen[static_cast<std::size_t>(thread)] = search.found();
  });
  for (const auto& found : seen) EXPECT_EQ(found, engine);
}

TEST(HostThreads, ASearchInTheBackgroundIsStopped) {
  std::atomic<bool> stopped = false;
  {
    const Background search([&](const std::atomic<bool>& stop) -> std::shared_ptr<const Engine> {
      while (!stop) std::this_thread::yield();
      stopped = true;
      throw Error(ErrorCode::DeviceError, "stopped");
    });
    EXPECT_FALSE(search.done());
  }
  EXPECT_TRUE(stopped);
}

/// From a file to a recipe: the tables of all operators, passes and families are made at their first use.
TEST(HostThreads, NetworksAreMadeSideBySide) {
  const test::Folder folder;
  const Graph network = test::int8Network();
  const Calibration calibration = test::int8NetworkCalibration(network);
  exportQdq(network, calibration, folder / "net.onnx");
  std::vector<std::string> texts(kThreads);
  onThreads([&](int thread) {
    Graph graph = importModel((folder / "net.onnx").string());
    optimize(graph);
    const DeviceCaps caps = thread % 2 == 0 ? test::inventedCpu() : test::inventedGpu();
    const Graph int8 = assignInt8(network, calibration, {});
    lowerGraph(int8, caps, chooseRecipe(int8, caps, fallbackTactics(caps)).recipe);
    texts[static_cast<std::size_t>(thread)] = graph.text() + int8.text();
    exportQdq(network, calibration, folder / ("again" + std::to_string(thread) + ".onnx"));
  });
  for (const std::string& text : texts) EXPECT_EQ(text, texts[0]);
}

/// The thread of the programs that writes behind: order, errors, an end with work left.
TEST(HostThreads, WorkBesideTheMainThread) {
  int written = 0;
  {
    app::WriteBehind behind(3);
    for (int i = 0; i < 500; ++i) behind.post([&written, i] { written += i; });
    behind.finish();
  }
  EXPECT_EQ(written, 500 * 499 / 2);
  app::WriteBehind full(1);
  full.post([] { throw std::runtime_error("disk full"); });
  EXPECT_THROW(
      {
        for (int i = 0; i < 1000; ++i) full.post([] {});
        full.finish();
      },
      std::runtime_error);
  app::WriteBehind dropped(2);
  dropped.post([] {});  // nobody waits for it
}

}  // namespace
}  // namespace tessera
