// Streams of requests: joined, in order, with their own errors.
#include "tessera/engine_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "exec/item_batch.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/shaped_networks.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

std::shared_ptr<const Engine> ofBatch(std::int64_t items) {
  return Engine::build(classifierAt(shapesOf({items, 3, 20, 20})), device(), untuned());
}
std::shared_ptr<const Engine> upTo(std::int64_t items) {
  EngineOptions options = untuned();
  options.shapes = profileOf({1, 3, 20, 20}, {items, 3, 20, 20});
  return Engine::build(GraphSource(classifierAt), device(), options);
}

TensorMap request(unsigned seed, std::int64_t items = 1) {
  return {{"x", portableRandom({items, 3, 20, 20}, 100 + seed, -1, 1)}};
}

// What one item at a time gives.
std::vector<HostTensor> expectedOf(unsigned count, std::int64_t items = 1) {
  Context context(ofBatch(items));
  std::vector<HostTensor> expected;
  for (unsigned i = 0; i < count; ++i) expected.push_back(context.run(request(i, items)).at("probabilities"));
  return expected;
}

void expectStream(const std::vector<std::shared_ptr<const Engine>>& engines, PoolOptions options) {
  constexpr unsigned kRequests = 23;
  const auto expected = expectedOf(kRequests);
  EnginePool pool(engines, options);
  std::vector<std::future<TensorMap>> results;
  for (unsigned i = 0; i < kRequests; ++i) results.push_back(pool.submit(request(i)));
  for (unsigned i = 0; i < kRequests; ++i)
    EXPECT_EQ(compare(results[i].get().at("probabilities"), expected[i], {1e-5, 1e-4}), "")
        << "request " << i;
}

TEST(EnginePool, RequestsGetTheirOwnResults) {
  PoolOptions options;
  options.queue = 7;
  expectStream({ofBatch(4)}, options);        // joined, the last ones with zeros
  expectStream({upTo(4)}, options);           // joined, in as many as there are
  expectStream({upTo(4), upTo(4)}, options);  // as if on two devices
  options.batch = 1;
  expectStream({ofBatch(1)}, options);
}

TEST(EnginePool, RequestsOfSeveralItemsStayTogether) {
  const auto expected = expectedOf(6, 2);
  EnginePool pool({upTo(4)});
  std::vector<std::future<TensorMap>> results;
  for (unsigned i = 0; i < 6; ++i) results.push_back(pool.submit(request(i, 2)));
  for (unsigned i = 0; i < 6; ++i) {
    const TensorMap outputs = results[i].get();
    EXPECT_EQ(outputs.at("probabilities").shape, (Shape{2, 10}));
    EXPECT_EQ(compare(outputs.at("probabilities"), expected[i], {1e-5, 1e-4}), "");
  }
}

TEST(EnginePool, ErrorsGoToTheRequestThatCausedThem) {
  const auto expected = expectedOf(4);
  EnginePool pool({upTo(4)});
  auto first = pool.submit(request(0));
  auto missing = pool.submit(TensorMap{});
  auto many = pool.submit(request(9, 5));
  auto shape = pool.submit(TensorMap{{"x", portableRandom({1, 3, 8, 8}, 1, -1, 1)}});
  auto type = pool.submit(TensorMap{{"x", HostTensor(DataType::Int32, {1, 3, 20, 20})}});
  auto name = pool.submit(TensorMap{{"y", portableRandom({1, 3, 20, 20}, 1, -1, 1)}});
  auto last = pool.submit(request(3));
  EXPECT_EQ(compare(first.get().at("probabilities"), expected[0], {1e-5, 1e-4}), "");
  EXPECT_THAT(refusal([&] { missing.get(); }), HasSubstr("'x' was not given"));
  EXPECT_THAT(refusal([&] { many.get(); }), HasSubstr("1 to 4"));
  EXPECT_THAT(refusal([&] { shape.get(); }), HasSubstr("8x8"));
  EXPECT_THAT(refusal([&] { type.get(); }), HasSubstr("i32"));
  EXPECT_THAT(refusal([&] { name.get(); }), HasSubstr("'x' was not given"));
  EXPECT_EQ(compare(last.get().at("probabilities"), expected[3], {1e-5, 1e-4}), "");
}

TEST(EnginePool, ResultsInOrderWhereThatIsAskedFor) {
  PoolOptions options;
  options.contexts = 3;
  options.inOrder = true;
  options.batch = 2;
  EnginePool pool({upTo(2)}, options);
  std::vector<std::uint64_t> order;
  for (unsigned i = 0; i < 30; ++i)
    EXPECT_EQ(pool.submit(i % 7 == 3 ? TensorMap{} : request(i),
                          [&](PoolResult result) {
                            EXPECT_EQ(result.error != nullptr, result.request % 7 == 3);
                            order.push_back(result.request);
                          }),
              i);
  pool.finish();
  ASSERT_EQ(order.size(), 30u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_THAT(refusal([&] { pool.submit(request(0)); }), HasSubstr("no more"));
}

TEST(EnginePool, SubmitWaitsForRoom) {
  PoolOptions options;
  options.queue = 3;
  options.contexts = 1;
  EnginePool pool({ofBatch(1)}, options);
  std::atomic<int> open{0}, most{0};
  for (unsigned i = 0; i < 20; ++i) {
    pool.submit(request(i), [&](PoolResult) { --open; });
    most = std::max(most.load(), ++open);
  }
  pool.finish();
  EXPECT_LE(most, 5);  // the bound, one that counts its answer, one that submit() has just added
  EXPECT_EQ(open, 0);
}

TEST(EnginePool, WhatWaitsWhenThePoolGoesIsCancelled) {
  std::vector<std::future<TensorMap>> results;
  {
    PoolOptions options;
    options.contexts = 1, options.batch = 1, options.queue = 64;
    EnginePool pool({ofBatch(1)}, options);
    for (unsigned i = 0; i < 60; ++i) results.push_back(pool.submit(request(i)));
  }
  int done = 0, cancelled = 0;
  for (auto& result : results) try {
      result.get();
      ++done;
    } catch (const Cancelled&) {
      ++cancelled;
    }
  EXPECT_EQ(done + cancelled, 60);  // none is left without an answer
}

TEST(EnginePool, RefusesWhatItCanNotJoin) {
  EXPECT_THAT(refusal([] { EnginePool pool({}); }), HasSubstr("needs engines"));
  PoolOptions options;
  options.batch = 9;
  const auto engine = ofBatch(4);
  EXPECT_THAT(refusal([&] { EnginePool pool({engine}, options); }), HasSubstr("more than the 4"));
  EXPECT_THAT(refusal([&] { EnginePool pool({engine, ofBatch(2)}); }), HasSubstr("differ"));
  options.batch = 0, options.contexts = 0;
  EXPECT_THAT(refusal([&] { EnginePool pool({engine}, options); }), HasSubstr("at least one"));
  Graph scalar;
  scalar.name = "sum";
  const TensorId x = scalar.addInput("x", DataType::Float32, {4, 3});
  scalar.markOutput(scalar.add("Reduce", "sum", {x}, {{"mode", std::string("sum")}, {"keepdims", 0}}));
  const auto sum = Engine::build(scalar, device(), untuned());
  EXPECT_THAT(refusal([&] { EnginePool pool({sum}); }), HasSubstr("can not be joined"));
}

TEST(ItemBatch, SizesAreFew) {
  EXPECT_EQ(batchSizes(1), std::vector<std::int64_t>{1});
  EXPECT_EQ(batchSizes(8), (std::vector<std::int64_t>{1, 2, 4, 8}));
  EXPECT_EQ(batchSizes(6), (std::vector<std::int64_t>{1, 2, 4, 6}));
}

}  // namespace
}  // namespace tessera
