// Requests in batches, bounds, order and shutdown; ThreadSanitizer runs these.
#include "base/request_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

namespace tessera {
namespace {

using namespace std::chrono_literals;
using Queue = RequestQueue<int>;

TEST(RequestQueue, JoinsWhatFitsInOrder) {
  Queue queue(10);
  for (const int size : {1, 2, 1, 3, 1}) EXPECT_TRUE(queue.push(int{size}));
  Queue::Batch batch;
  batch.most = 4;
  batch.size = [](const int& r) { return r; };
  EXPECT_EQ(queue.take(batch), (std::vector<int>{1, 2, 1}));
  EXPECT_EQ(queue.take(batch), (std::vector<int>{3, 1}));
}

TEST(RequestQueue, OnlyWhatGoesTogether) {
  Queue queue(10);
  for (const int kind : {1, 1, 2, 2, 1}) queue.push(int{kind});
  Queue::Batch batch;
  batch.most = 8;
  batch.together = [](const int& a, const int& b) { return a == b; };
  EXPECT_EQ(queue.take(batch).size(), 2u);
  EXPECT_EQ(queue.take(batch).size(), 2u);
  EXPECT_EQ(queue.take(batch).size(), 1u);
}

TEST(RequestQueue, ARequestThatIsTooLargeComesAlone) {
  Queue queue(4);
  for (const int size : {9, 1}) queue.push(int{size});
  Queue::Batch batch;
  batch.most = 4;
  batch.size = [](const int& r) { return r; };
  EXPECT_EQ(queue.take(batch), std::vector<int>{9});
}

TEST(RequestQueue, WaitsForOthersNoLongerThanTheDelay) {
  Queue queue(10);
  Queue::Batch batch;
  batch.most = 3;
  batch.delay = 50ms;
  queue.push(1);
  const auto begin = Queue::Clock::now();
  EXPECT_EQ(queue.take(batch).size(), 1u);
  EXPECT_GE(Queue::Clock::now() - begin, 30ms);
  batch.delay = 60s;  // ends as soon as the batch is full
  queue.push(2);
  std::thread late([&] {
    queue.push(3);
    queue.push(4);
  });
  EXPECT_EQ(queue.take(batch).size(), 3u);
  late.join();
}

TEST(RequestQueue, TakeReadyWaitsForNothing) {
  Queue queue(10);
  Queue::Batch batch;
  batch.most = 2;
  batch.delay = 60s;
  EXPECT_TRUE(queue.takeReady(batch).empty());
  queue.push(1);
  EXPECT_TRUE(queue.takeReady(batch).empty()) << "another one may come";
  queue.push(2);
  queue.push(3);
  EXPECT_EQ(queue.takeReady(batch), (std::vector<int>{1, 2}));
  batch.delay = 0s;
  EXPECT_EQ(queue.takeReady(batch), std::vector<int>{3}) << "which need not be waited for";
  batch.delay = 60s;
  batch.together = [](const int& a, const int& b) { return a == b; };
  queue.push(4);
  queue.push(5);
  EXPECT_EQ(queue.takeReady(batch), std::vector<int>{4}) << "the next goes with others";
  queue.close();
  EXPECT_EQ(queue.takeReady(batch), std::vector<int>{5}) << "no more will come";
  EXPECT_TRUE(queue.takeReady(batch).empty());
}

TEST(RequestQueue, PushWaitsForRoom) {
  Queue queue(2);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.tryPush(2));
  EXPECT_FALSE(queue.tryPush(3));
  std::atomic<bool> pushed = false;
  std::thread waits([&] {
    EXPECT_TRUE(queue.push(3));
    pushed = true;
  });
  EXPECT_EQ(queue.take({}), std::vector<int>{1});
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(pushed) << "what was taken counts until it is answered";
  queue.done(1);
  waits.join();
  EXPECT_TRUE(pushed);
}

TEST(RequestQueue, CloseGivesOutWhatIsLeft) {
  Queue queue(4);
  queue.push(1);
  queue.close();
  EXPECT_FALSE(queue.push(2));
  EXPECT_EQ(queue.take({}), std::vector<int>{1});
  EXPECT_TRUE(queue.take({}).empty());
  queue.done(1);
  queue.waitUntilDone();
}

TEST(RequestQueue, DiscardWakesEverybody) {
  Queue queue(1);
  queue.push(1);
  std::thread pusher([&] { EXPECT_FALSE(queue.push(2)); });
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(queue.discard(), std::vector<int>{1});
  pusher.join();
  EXPECT_TRUE(queue.take({}).empty());
}

// Producers, workers with batches, results in order: every request is answered once.
TEST(RequestQueue, ManyThreadsAnswerEveryRequestOnceAndInOrder) {
  constexpr int kProducers = 3, kWorkers = 4, kEach = 400;
  RequestQueue<std::uint64_t> queue(16);
  Delivery delivery(true);
  std::vector<std::uint64_t> answered;
  std::mutex numbers;
  std::uint64_t next = 0;
  std::vector<std::thread> workers, producers;
  for (int w = 0; w < kWorkers; ++w)
    workers.emplace_back([&] {
      RequestQueue<std::uint64_t>::Batch batch;
      batch.most = 5;
      batch.delay = 100us;
      while (true) {
        const auto taken = queue.take(batch);
        if (taken.empty()) return;
        EXPECT_LE(taken.size(), 5u);
        for (auto request = taken.rbegin(); request != taken.rend(); ++request)
          delivery.deliver(*request, [&, number = *request] {
            answered.push_back(number);
            queue.done(1);
          });
      }
    });
  for (int p = 0; p < kProducers; ++p)
    producers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        const std::lock_guard lock(numbers);
        EXPECT_TRUE(queue.push(std::uint64_t{next}));
        ++next;
      }
    });
  for (auto& thread : producers) thread.join();
  queue.close();
  queue.waitUntilDone();
  for (auto& thread : workers) thread.join();
  std::vector<std::uint64_t> expected(kProducers * kEach);
  std::iota(expected.begin(), expected.end(), 0u);
  EXPECT_EQ(answered, expected);
}

TEST(Delivery, AsCompletedWaitsForNone) {
  std::vector<int> order;
  Delivery delivery(false);
  for (const int number : {3, 0, 2})
    delivery.deliver(static_cast<std::uint64_t>(number), [&, number] { order.push_back(number); });
  EXPECT_EQ(order, (std::vector<int>{3, 0, 2}));
}

TEST(Delivery, InOrderHoldsBackWhatCameEarly) {
  std::vector<int> order;
  Delivery delivery(true);
  for (const int number : {2, 1, 0, 3})
    delivery.deliver(static_cast<std::uint64_t>(number), [&, number] { order.push_back(number); });
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace tessera
