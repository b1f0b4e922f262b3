// How runs use buffers and the driver: parts of buffers, the host's memory, pinned transfers, cancelling, and
// what is called when.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "cl/device_impl.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/shaped_networks.hpp"

// These stand before the loader's own in this program, count, and pass on.
namespace {
struct Calls {
  std::atomic<int> created{0}, finished{0}, waited{0}, launched{0};
};
Calls calls;
template <class Function>
Function nextOf(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
}  // namespace

extern "C" {
cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* memory, cl_int* error) {
  static const auto real = nextOf<decltype(&clCreateBuffer)>("clCreateBuffer");
  ++calls.created;
  return real(context, flags, size, memory, error);
}
cl_mem clCreateSubBuffer(cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void* info,
                         cl_int* error) {
  static const auto real = nextOf<decltype(&clCreateSubBuffer)>("clCreateSubBuffer");
  ++calls.created;
  return real(buffer, flags, type, info, error);
}
cl_kernel clCreateKernel(cl_program program, const char* name, cl_int* error) {
  static const auto real = nextOf<decltype(&clCreateKernel)>("clCreateKernel");
  ++calls.created;
  return real(program, name, error);
}
cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char** texts,
                                     const size_t* lengths, cl_int* error) {
  static const auto real = nextOf<decltype(&clCreateProgramWithSource)>("clCreateProgramWithSource");
  ++calls.created;
  return real(context, count, texts, lengths, error);
}
cl_int clFinish(cl_command_queue queue) {
  static const auto real = nextOf<decltype(&clFinish)>("clFinish");
  ++calls.finished;
  return real(queue);
}
cl_int clWaitForEvents(cl_uint count, const cl_event* events) {
  static const auto real = nextOf<decltype(&clWaitForEvents)>("clWaitForEvents");
  ++calls.waited;
  return real(count, events);
}
cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint rank, const size_t* offset,
                              const size_t* global, const size_t* local, cl_uint count, const cl_event* waits,
                              cl_event* event) {
  static const auto real = nextOf<decltype(&clEnqueueNDRangeKernel)>("clEnqueueNDRangeKernel");
  ++calls.launched;
  return real(queue, kernel, rank, offset, global, local, count, waits, event);
}
}

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

const Shape kShape{2, 3, 20, 20};

std::shared_ptr<const Engine> classifier() {
  EngineOptions options;
  options.tuning.mode = TuneMode::Off;
  return Engine::build(classifierAt(shapesOf(kShape)), device(), options);
}

TensorMap input() { return {{"x", portableRandom(kShape, 5, -1, 1)}}; }

struct Counted {
  int created, finished, waited, launched;
  static Counted now() { return {calls.created, calls.finished, calls.waited, calls.launched}; }
};

TEST(Execution, RunsCreateNothingAndDoNotWait) {
  Context context(classifier());
  context.upload("x", input().at("x"));
  context.execute();
  const Counted before = Counted::now();
  for (int run = 0; run < 5; ++run) {
    cl_event done = nullptr;
    context.enqueue(context.queue(), {}, &done);
    clReleaseEvent(done);
  }
  const Counted enqueued = Counted::now();
  EXPECT_GT(enqueued.launched, before.launched) << "the calls are not counted";
  EXPECT_EQ(enqueued.created, before.created);
  EXPECT_EQ(enqueued.finished, before.finished);
  EXPECT_EQ(enqueued.waited, before.waited);
  for (int run = 0; run < 5; ++run) context.execute();
  const Counted executed = Counted::now();
  EXPECT_EQ(executed.created, before.created);
  EXPECT_EQ(executed.finished, before.finished + 5) << "execute() waits once";
  EXPECT_EQ(executed.waited, before.waited);
  context.run(input());
  EXPECT_EQ(Counted::now().created, before.created);
}

TEST(Execution, ComingBackToAShapeCreatesNothing) {
  EngineOptions options;
  options.tuning.mode = TuneMode::Off;
  options.shapes = profileOf({1, 3, 20, 20}, {4, 3, 20, 20});
  Context context(Engine::build(GraphSource(classifierAt), device(), options));
  for (const std::int64_t items : {1, 2, 4}) context.setShape("x", {items, 3, 20, 20});
  const int created = calls.created;
  for (const std::int64_t items : {2, 1, 4, 2}) {
    context.setShape("x", {items, 3, 20, 20});
    context.run({{"x", portableRandom({items, 3, 20, 20}, 9, -1, 1)}});
  }
  EXPECT_EQ(calls.created, created);
}

TEST(Execution, BindingsMayBePartsOfBuffers) {
  Context context(classifier());
  const TensorMap expected = context.run(input());
  const DeviceCaps& caps = context.engine().device().caps();
  if (!caps.subBuffers) GTEST_SKIP() << caps.name << " has no sub-buffers";
  const std::size_t align = caps.addressAlign, bytes = context.binding("x").bytes();
  const std::size_t offset = (bytes + align - 1) / align * align;  // after the output's part
  const cl::Context& cl = context.engine().device().impl().context();
  cl::Buffer whole(cl, CL_MEM_READ_WRITE, offset + bytes);
  context.bind("x", whole(), offset);
  context.bind("probabilities", whole(), 0);
  const HostTensor x = input().at("x");
  clEnqueueWriteBuffer(context.queue(), whole(), CL_TRUE, offset, bytes, x.data.data(), 0, nullptr, nullptr);
  context.execute();
  std::vector<std::byte> result(context.binding("probabilities").bytes());
  clEnqueueReadBuffer(context.queue(), whole(), CL_TRUE, 0, result.size(), result.data(), 0, nullptr,
                      nullptr);
  EXPECT_EQ(result, expected.at("probabilities").data);
  EXPECT_THAT(refusal([&] { context.bind("x", whole(), align + 1); }), HasSubstr("multiple of"));
  EXPECT_THAT(refusal([&] { context.bind("x", whole(), offset + align); }), HasSubstr("bytes"));
  EXPECT_THAT(refusal([&] { context.bind("x", whole(), (offset + bytes) / align * align + align); }),
              HasSubstr("within"));
  context.bind("x", nullptr);
  context.bind("probabilities", nullptr);
  EXPECT_EQ(context.run(input()).at("probabilities").data, expected.at("probabilities").data);
}

TEST(Execution, HostMemoryIsUsedWithoutACopyWhereTheDeviceSharesIt) {
  Context context(classifier());
  const TensorMap expected = context.run(input());
  const DeviceCaps& caps = context.engine().device().caps();
  const auto allocate = [&](std::size_t bytes) {
    const std::size_t align = caps.addressAlign;
    return std::unique_ptr<void, decltype(&std::free)>(
        std::aligned_alloc(align, (bytes + align - 1) / align * align), &std::free);
  };
  const std::size_t in = context.binding("x").bytes(), out = context.binding("probabilities").bytes();
  const auto from = allocate(in), to = allocate(out);
  if (!caps.isCpu()) {
    EXPECT_THAT(refusal([&] { context.bindHost("x", from.get(), in); }, ErrorCode::Unsupported),
                HasSubstr("share"));
    return;
  }
  context.bindHost("x", from.get(), in);
  context.bindHost("probabilities", to.get(), out);
  for (int run = 0; run < 2; ++run) {  // what is written later is seen, too
    std::memcpy(from.get(), input().at("x").data.data(), in);
    std::memset(to.get(), 0xff, out);
    context.execute();
    EXPECT_EQ(std::memcmp(to.get(), expected.at("probabilities").data.data(), out), 0);
    std::memset(from.get(), 0, in);
    context.execute();
    EXPECT_NE(std::memcmp(to.get(), expected.at("probabilities").data.data(), out), 0);
  }
  EXPECT_THAT(refusal([&] { context.bindHost("x", static_cast<char*>(from.get()) + 4, in); }),
              HasSubstr("multiple of"));
  EXPECT_THAT(refusal([&] { context.bindHost("x", from.get(), in - 1); }), HasSubstr("needs"));
}

TEST(Execution, PinnedTransfersGiveTheSame) {
  const auto engine = classifier();
  ContextOptions pinned;
  pinned.pinned = true;
  Context plain(engine), staged(engine, pinned);
  const TensorMap expected = plain.run(input());
  for (int run = 0; run < 3; ++run)
    EXPECT_EQ(staged.run(input()).at("probabilities").data, expected.at("probabilities").data);
  const int created = calls.created;
  staged.run(input());
  EXPECT_EQ(calls.created, created);
}

TEST(Execution, ARunCanBeCancelledBetweenSteps) {
  const Shape large{4, 3, 256, 256};
  EngineOptions options;
  options.tuning.mode = TuneMode::Off;
  const auto engine = Engine::build(segmenterAt(shapesOf(large)), device(), options);
  ContextOptions cancellable;
  cancellable.cancellable = true;
  Context context(engine, cancellable);
  const TensorMap inputs{{"x", portableRandom(large, 5, -1, 1)}};
  const TensorMap expected = context.run(inputs);
  context.cancel();  // nothing runs: nothing happens
  EXPECT_EQ(context.run(inputs).at("scores").data, expected.at("scores").data);
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) context.cancel();
  });
  // On a fast device a run may be over before a busy host gives the other thread its turn.
  int launched = 0;
  bool cancelled = false;
  for (int run = 0; run < 1000 && !cancelled; ++run) {
    const int before = calls.launched;
    try {
      context.execute();
    } catch (const Cancelled&) {
      cancelled = true;
    }
    launched = calls.launched - before;
  }
  stop = true;
  other.join();
  EXPECT_TRUE(cancelled);
  EXPECT_LT(launched, static_cast<int>(engine->layers().size()));
  EXPECT_EQ(context.run(inputs).at("scores").data, expected.at("scores").data)
      << "after one that was cancelled";
  Context plain(engine);
  EXPECT_THAT(refusal([&] { plain.cancel(); }), HasSubstr("cancellable"));
}

}  // namespace
}  // namespace tessera
