// A network's first start on PoCL: other processes compile its kernels, once.
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "apps/common/files.hpp"
#include "apps/common/images.hpp"
#include "tessera/tuning.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/devices.hpp"

namespace tessera::test {
namespace {

// With five kernels at least, each another program.
std::string writeNetwork(const fs::path& folder) {
  writeColorNetwork(folder);
  writeText(
      folder / "net.prototxt",
      "name: \"colors\" input: \"image\" input_dim: 1 input_dim: 3 input_dim: 24 input_dim: 32\n"
      "layer { name: \"score\" type: \"Convolution\" bottom: \"image\" top: \"scores\"\n"
      "  convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }\n"
      "layer { name: \"norm\" type: \"LRN\" bottom: \"scores\" top: \"norm\" lrn_param { local_size: 3 } }\n"
      "layer { name: \"most\" type: \"Pooling\" bottom: \"norm\" top: \"most\"\n"
      "  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }\n"
      "layer { name: \"mean\" type: \"Pooling\" bottom: \"most\" top: \"mean\"\n"
      "  pooling_param { pool: AVE global_pooling: true } }\n"
      "layer { name: \"prob\" type: \"Softmax\" bottom: \"mean\" top: \"prob\" }\n");
  return (folder / "net.prototxt").string() + "," + (folder / "net.caffemodel").string();
}

std::size_t kernelsIn(const fs::path& cache) {
  std::size_t count = 0;
  for (const auto& file : fs::recursive_directory_iterator(cache)) count += file.path().extension() == ".so";
  return count;
}

TEST(CompileAhead, OtherProcessesCompileTheFirstStartOfANetwork) {
  if (!device().caps().pocl || !device().caps().isCpu())
    GTEST_SKIP() << "only PoCL compiles one kernel at a time";
  const Folder folder;
  const std::string model = writeNetwork(folder.path());
  fs::create_directories(folder / "pocl");
  const auto run = [&](const std::string& environment) {
    const auto result = runProgram(
        "tessera",
        {"run", model, "--device", device().caps().name, "--random", "--checksum", "--log-level", "debug",
         "--out", folder.path().string()},
        "TESSERA_COMPILE_WORKERS=2 POCL_CACHE_DIR=" + (folder / "pocl").string() + " " + environment);
    EXPECT_EQ(result.code, 0) << result.err;
    return result;
  };
  const auto first = run("");
  EXPECT_NE(first.err.find(" processes compile "), std::string::npos) << first.err;
  EXPECT_EQ(first.err.find("was lost"), std::string::npos) << first.err;
  const std::size_t kernels = kernelsIn(folder / "pocl");
  EXPECT_GE(kernels, 4u);
  const auto second = run("");
  EXPECT_EQ(second.err.find(" processes compile "), std::string::npos) << second.err;
  EXPECT_EQ(second.out, first.out);
  EXPECT_EQ(kernelsIn(folder / "pocl"), kernels)
      << "this process compiled what was there, or another variant";

  // The mark goes with what it stands for; without a cache, processes would be of no use.
  fs::remove_all(folder / "pocl");
  fs::create_directories(folder / "pocl");
  EXPECT_NE(run("").err.find(" processes compile "), std::string::npos);
  fs::remove_all(folder / "pocl" / "tessera");
  EXPECT_EQ(run("TESSERA_COMPILE_WORKERS=0").err.find(" processes compile "), std::string::npos);
  EXPECT_EQ(run("POCL_KERNEL_CACHE=0").err.find(" processes compile "), std::string::npos);
}

// Calibrating compiles the network with statistics, and its candidates in INT8.
TEST(CompileAhead, OtherProcessesCompileWhatCalibratingNeeds) {
  if (!device().caps().pocl || !device().caps().isCpu())
    GTEST_SKIP() << "only PoCL compiles one kernel at a time";
  const Folder folder;
  const std::string model = writeNetwork(folder.path());
  fs::create_directories(folder / "pocl");
  fs::create_directories(folder / "images");
  for (int image = 0; image < 3; ++image) {
    cv::Mat picture(24, 32, CV_8UC3);
    for (int i = 0; i < 24 * 32 * 3; ++i) picture.data[i] = static_cast<unsigned char>((i * 7 + image) % 251);
    app::writeImage(folder / ("images/" + std::to_string(image) + ".png"), picture);
  }
  app::writeFile(folder / "preprocess.json", R"({"input": {"scale": 0.00392}})");
  const auto result =
      runProgram("tessera",
                 {"calibrate", model, "--device", device().caps().name, "--calibration-images",
                  (folder / "images").string(), "--preprocess", (folder / "preprocess.json").string(),
                  "--calibration-cache", (folder / "net.calibration").string(), "--log-level", "debug"},
                 "TESSERA_COMPILE_WORKERS=2 POCL_CACHE_DIR=" + (folder / "pocl").string());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find(" processes compile "), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("was lost"), std::string::npos) << result.err;
}

TEST(CompileAhead, TheLeanWorkerOfAnotherBuildGivesWayToTheProgram) {
  const fs::path worker = binFolder() / "tessera-worker";
  ASSERT_TRUE(fs::exists(worker)) << "it lies beside the programs";
  const std::vector<std::string> program{"/bin/echo", "the program itself"};
  EXPECT_EQ(leanWorker("/nowhere", program), program);
  const std::vector<std::string> command = leanWorker(binFolder(), program);
  ASSERT_EQ(command.size(), 4u);
  EXPECT_EQ(command[0], worker.string());
  EXPECT_EQ(std::vector<std::string>(command.begin() + 2, command.end()), program);
  const auto other = runProgram("tessera-worker", {"another build", program[0], program[1]});
  EXPECT_EQ(other.out, program[1] + "\n");
  EXPECT_EQ(runProgram("tessera-worker", {}).code, 2);
}

}  // namespace
}  // namespace tessera::test
