// The C interface gives what the C++ one gives, and every failure is a status with a message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <spdlog/logger.h>

#include <thread>

#include "tessera/builder.hpp"
#include "tessera/tessera.h"
#include "tessera/tessera.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"

namespace tessera {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Graph network() {
  NetworkBuilder net("small");
  HostTensor weights(DataType::Float32, {5, 3, 3, 3});
  for (std::size_t i = 0; i < weights.as<float>().size(); ++i)
    weights.as<float>()[i] = static_cast<float>(i % 7) - 3;
  const TensorId x = net.input("x", {1, 3, 8, 10});
  net.output(net.relu(net.convolution(x, std::move(weights), {.pad = 1, .name = "conv"})), "y");
  return net.build();
}

class CApi : public testing::Test {
 protected:
  test::Folder folder;
  std::shared_ptr<const Engine> engine = Engine::build(network(), test::devices().front());
  HostTensor x{DataType::Float32, {1, 3, 8, 10}};
  tessera_device* device = nullptr;
  tessera_engine* loaded = nullptr;
  tessera_context* context = nullptr;

  void SetUp() override {
    for (std::size_t i = 0; i < x.as<float>().size(); ++i) x.as<float>()[i] = static_cast<float>(i % 11) - 5;
    engine->save(folder / "net.plan");
    ok(tessera_device_select(engine->device().caps().name.c_str(), &device));
    ok(tessera_engine_load((folder / "net.plan").c_str(), device, nullptr, &loaded));
    ok(tessera_context_create(loaded, &context));
  }
  void TearDown() override {
    tessera_context_release(context);
    tessera_engine_release(loaded);
    tessera_device_release(device);
  }
  static void ok(tessera_status status) { ASSERT_EQ(status, TESSERA_OK) << tessera_last_error(); }
};

TEST_F(CApi, RunsAsTheCppInterfaceDoes) {
  ASSERT_EQ(tessera_engine_binding_count(loaded), 2u);
  tessera_binding binding{};
  binding.struct_size = sizeof binding;
  ok(tessera_engine_binding(loaded, 1, &binding));
  EXPECT_STREQ(binding.name, "y");
  EXPECT_EQ(binding.type, TESSERA_FLOAT32);
  EXPECT_EQ(binding.is_input, 0);
  EXPECT_EQ(Shape(binding.shape, binding.shape + binding.rank), Shape({1, 5, 8, 10}));

  ok(tessera_context_set_input(context, "x", x.data.data(), x.data.size()));
  ok(tessera_context_run(context));
  HostTensor y(DataType::Float32, {1, 5, 8, 10});
  std::int64_t shape[4] = {};
  ok(tessera_context_get_output(context, "y", y.data.data(), y.data.size(), shape));
  EXPECT_EQ(Shape(shape, shape + 4), y.shape);
  EXPECT_EQ(y, Context(engine).run({{"x", x}}).at("y"));

  cl_event done = nullptr;
  ok(tessera_context_enqueue(context, tessera_context_queue(context), nullptr, 0, &done));
  EXPECT_EQ(clWaitForEvents(1, &done), CL_SUCCESS);
  clReleaseEvent(done);
}

TEST_F(CApi, TellsLayersMemoryAndTimes) {
  const std::size_t count = tessera_engine_layer_count(loaded);
  ASSERT_EQ(count, engine->layers().size());
  tessera_layer layer{};
  layer.struct_size = sizeof layer;
  bool convolved = false;
  for (std::size_t i = 0; i < count; ++i) {
    ok(tessera_engine_layer(loaded, i, &layer));
    EXPECT_EQ(layer.family, engine->layers()[i].family);
    convolved = convolved || std::string(layer.op) == "Convolution";
  }
  EXPECT_TRUE(convolved);
  tessera_memory memory{};
  memory.struct_size = sizeof memory;
  ok(tessera_engine_memory(loaded, &memory));
  EXPECT_EQ(memory.weights, engine->memory().weights);
  std::vector<double> times(count, -1);
  ok(tessera_context_profile(context, 2, times.data(), times.size()));
  for (const double time : times) EXPECT_GE(time, 0);
}

TEST_F(CApi, AStructureOfAnOlderCallerIsFilledAsFarAsItGoes) {
  struct {
    std::size_t struct_size = sizeof(std::size_t) + sizeof(const char*);
    const char* name = nullptr;
    std::uint64_t untouched = 7;
  } older;
  ok(tessera_engine_binding(loaded, 0, reinterpret_cast<tessera_binding*>(&older)));
  EXPECT_STREQ(older.name, "x");
  EXPECT_EQ(older.untouched, 7u);
  tessera_binding unset{};
  EXPECT_EQ(tessera_engine_binding(loaded, 0, &unset), TESSERA_INVALID_ARGUMENT);
  EXPECT_THAT(tessera_last_error(), HasSubstr("struct_size"));
}

TEST_F(CApi, FailuresSayWhatIsWrong) {
  tessera_engine* none = nullptr;
  EXPECT_EQ(tessera_engine_build((folder / "none.onnx").c_str(), device, nullptr, &none), TESSERA_BAD_MODEL);
  EXPECT_THAT(tessera_last_error(), HasSubstr("none.onnx"));
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(tessera_engine_build(nullptr, device, nullptr, &none), TESSERA_INVALID_ARGUMENT);
  EXPECT_THAT(tessera_last_error(), HasSubstr("model is NULL"));
  std::filesystem::copy_file(folder / "net.plan", folder / "damaged.plan");
  std::filesystem::resize_file(folder / "damaged.plan", 100);
  EXPECT_EQ(tessera_engine_load((folder / "damaged.plan").c_str(), device, nullptr, &none),
            TESSERA_BAD_CACHE);

  EXPECT_EQ(tessera_context_set_input(context, "x", x.data.data(), 8), TESSERA_INVALID_ARGUMENT);
  EXPECT_THAT(tessera_last_error(), AllOf(HasSubstr("'x'"), HasSubstr("960"), HasSubstr("not 8.")));
  EXPECT_EQ(tessera_context_set_input(context, "y", x.data.data(), 8), TESSERA_INVALID_ARGUMENT);
  EXPECT_EQ(tessera_context_set_input(context, "z", x.data.data(), 8), TESSERA_INVALID_ARGUMENT);
  EXPECT_THAT(tessera_last_error(), HasSubstr("z"));
  EXPECT_EQ(tessera_context_run(nullptr), TESSERA_INVALID_ARGUMENT);
  EXPECT_EQ(tessera_context_create(nullptr, &context), TESSERA_INVALID_ARGUMENT);
  double time = 0;
  EXPECT_EQ(tessera_context_profile(context, 1, &time, 0), TESSERA_INVALID_ARGUMENT);
  std::string elsewhere = "?";
  std::thread([&] { elsewhere = tessera_last_error(); }).join();
  EXPECT_EQ(elsewhere, "") << "errors belong to a thread";
}

TEST(CApiOptions, TakeWordsAndRefuseOthers) {
  tessera_options* options = nullptr;
  ASSERT_EQ(tessera_options_create(&options), TESSERA_OK);
  EXPECT_EQ(tessera_options_set_precision(options, "fp16"), TESSERA_OK);
  EXPECT_EQ(tessera_options_set_precision(options, "fp64"), TESSERA_INVALID_ARGUMENT);
  EXPECT_THAT(tessera_last_error(), HasSubstr("fp64"));
  EXPECT_EQ(tessera_options_set_tuning(options, "off", 0), TESSERA_OK);
  EXPECT_EQ(tessera_options_set_tuning(options, "off", -1), TESSERA_INVALID_ARGUMENT);
  EXPECT_EQ(tessera_options_set_batch(options, 0), TESSERA_INVALID_ARGUMENT);
  EXPECT_EQ(tessera_options_set_workspace_limit(options, 1 << 20), TESSERA_OK);
  EXPECT_EQ(tessera_options_set_workspace_limit(nullptr, 0), TESSERA_INVALID_ARGUMENT);
  const std::int64_t extents[] = {1, 3, -1};
  EXPECT_EQ(tessera_options_set_shape(options, "x", extents, 2), TESSERA_OK);
  EXPECT_EQ(tessera_options_set_shape(options, "x", extents, 3), TESSERA_INVALID_ARGUMENT);
  EXPECT_EQ(tessera_options_set_calibration(options, "/none"), TESSERA_BAD_CACHE);
  EXPECT_THAT(tessera_last_error(), HasSubstr("/none"));
  tessera_options_release(options);
}

TEST(CApiLog, MessagesGoToTheHost) {
  std::vector<std::pair<tessera_severity, std::string>> heard;
  const auto hear = [](void* user, tessera_severity severity, const char* message) {
    static_cast<decltype(heard)*>(user)->emplace_back(severity, message);
  };
  // The logger that the tests run with comes back at the end.
  const std::shared_ptr<spdlog::logger> before = log().clone("tessera");
  tessera_set_log(hear, &heard, TESSERA_WARNING);
  log().info("not this");
  log().warn("this {}", 1);
  tessera_set_log(nullptr, nullptr, TESSERA_WARNING);
  log().error("to nobody");
  setLogger(before);
  EXPECT_THAT(heard, testing::ElementsAre(testing::Pair(TESSERA_WARNING, "this 1")));
}

}  // namespace
}  // namespace tessera
