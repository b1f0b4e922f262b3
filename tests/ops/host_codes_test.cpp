// Instructions of the host's processor for codes: INT8 does without those that compute something else.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "clkernels/common/dot4.hpp"
#include "clkernels/embedded.hpp"
#include "tessera/context.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

using namespace test;

class HostCodesTest : public testing::Test {
 protected:
  void TearDown() override { unsetenv("TESSERA_KERNEL_DIR"); }
  // A check whose answer is wrong where the processor's is right.
  void plant(const std::string& path, const std::string& right, const std::string& wrong) {
    std::string text(embeddedFiles().find(path)->second);
    const auto at = text.find(right);
    ASSERT_NE(at, std::string::npos) << "the kernel has changed: plant another fault";
    text.replace(at, right.size(), wrong);
    std::filesystem::create_directories((folder.path() / path).parent_path());
    std::ofstream(folder.path() / path) << text;
    setenv("TESSERA_KERNEL_DIR", folder.path().c_str(), 1);
  }
  // Of which nothing was probed yet.
  static Device freshDevice() { return Device::select(device().caps().name); }
  TensorMap run(const Device& on) {
    EngineOptions options;
    options.precision = Precision::Int8;
    options.calibration = calibration;
    options.tuning.mode = TuneMode::Off;
    const auto engine = Engine::build(network, on, options);
    text = engine->text();
    return Context(engine).run(input);
  }

  const Folder folder;
  Graph network = int8Network();
  Calibration calibration = int8NetworkCalibration(network);
  TensorMap input = int8NetworkInput();
  std::string text;
};

TEST_F(HostCodesTest, AnEngineDoesWithoutDotProductsThatAreWrong) {
  if (!device().caps().avx512Vnni) GTEST_SKIP() << "PoCL on a processor with AVX-512 VNNI is wanted";
  const TensorMap expected = run(freshDevice());
  plant("dot4_probe/dot4_probe.cl", "(uint16)(128u)), i, y)", "(uint16)(127u)), i, y)");
  const Device fresh = freshDevice();
  const TensorMap found = run(fresh);
  for (const auto& [name, value] : expected) EXPECT_EQ(found.at(name).data, value.data) << name;
  EXPECT_EQ(fresh.int8Caps().dot4, kDot4Avx2);
}

TEST_F(HostCodesTest, AnEngineDoesWithoutTileRegistersThatAreWrong) {
  if (!freshDevice().int8Caps().amxInt8) GTEST_SKIP() << "PoCL on a processor with AMX is wanted";
  network = Graph();  // whole blocks of channels, which tile registers want
  const TensorId x = network.addInput("x", DataType::Float32, {1, 128, 32, 32});
  const auto convolution = [&](const std::string& name, TensorId from, unsigned seed) {
    return network.add(
        "Convolution", name,
        {from, network.addConstant(name + ".w", portableRandom({128, 128, 3, 3}, seed, -0.1f, 0.1f))},
        {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  };
  network.markOutput(convolution("c", convolution("b", convolution("a", x, 1), 2), 3));
  calibration = {};
  calibration.graphName = network.name;
  for (const std::string& name : tensorsToCalibrate(network)) calibration.scales[name] = 0.03f;
  input = {{"x", portableRandom({1, 128, 32, 32}, 3, -1, 1)}};
  const TensorMap expected = run(freshDevice());
  EXPECT_NE(text.find("q_conv_amx"), std::string::npos) << text;
  plant("dot4_probe/amx_probe.cl", "STORE_TILE(0, y);", "STORE_TILE(0, y);\n  y[17] ^= 1;");
  const Device fresh = freshDevice();
  const TensorMap found = run(fresh);
  for (const auto& [name, value] : expected) EXPECT_EQ(found.at(name).data, value.data) << name;
  EXPECT_EQ(text.find("q_conv_amx"), std::string::npos) << text;
  EXPECT_FALSE(fresh.int8Caps().amxInt8);
}

}  // namespace
}  // namespace tessera
