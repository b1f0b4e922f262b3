// The tessera program as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "apps/common/npy.hpp"
#include "tests/apps/program.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using app::readJson;
using test::Folder;
using test::runProgram;
using testing::HasSubstr;

class Program : public testing::Test {
 protected:
  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());
  std::string at(const std::string& name) const { return (folder / name).string(); }
};

TEST_F(Program, ListsDevices) {
  const auto result = runProgram("tessera", {"devices", "--json", at("d.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto list = readJson(folder / "d.json")["devices"];
  ASSERT_GE(list.size(), 1u);
  EXPECT_THAT(result.out, HasSubstr(list[0]["name"].get<std::string>()));
}

TEST_F(Program, SaysWhichDot4BodyRunsAndWhyOthersDoNot) {
  const auto result = runProgram("tessera", {"devices", "--json", at("d.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("dot4"));
  for (const auto& device : readJson(folder / "d.json")["devices"]) {
    int chosen = 0;
    for (const auto& body : device["dot4"]) {
      chosen += body["chosen"].get<bool>();
      EXPECT_TRUE(body["works"].get<bool>() || !body["why_not"].get<std::string>().empty()) << body["body"];
      EXPECT_THAT(result.out, HasSubstr(body["body"].get<std::string>()));
    }
    EXPECT_EQ(chosen, 1) << device["name"];
  }
}

TEST_F(Program, CalibratesAndRunsInInt8) {
  cv::theRNG().state = 5;
  fs::create_directories(folder / "images");
  for (int i = 0; i < 4; ++i) {
    // Not of the network's size: whole numbers up to 255 would have codes of their own, and nothing was lost.
    cv::Mat image(31, 45, CV_8UC3);
    cv::randu(image, 0, 256);
    cv::imwrite(at("images/" + std::to_string(i) + ".png"), image);
  }
  const std::string cache = at("net.calibration");
  const auto made =
      runProgram("tessera", {"calibrate", model, "--calibration-images", at("images"), "--calibration-cache",
                             cache, "--sensitivity", "--json", at("c.json")});
  ASSERT_EQ(made.code, 0) << made.err;
  const auto json = readJson(folder / "c.json");
  for (const char* candidate : {"auto", "entropy", "minmax", "percentile", "mse"}) {
    EXPECT_TRUE(json["damage"].contains(candidate)) << candidate;
    EXPECT_THAT(made.out, HasSubstr(candidate));
  }
  ASSERT_EQ(json["sensitivity"].size(), 1u);
  EXPECT_EQ(json["sensitivity"][0]["name"], "score");
  EXPECT_GT(json["sensitivity"][0]["error"].get<double>(), 0);

  const std::vector<std::string> int8{"--precision", "int8", "--calibration-cache", cache, "--tune", "off"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), int8.begin(), int8.end());
    return runProgram("tessera", arguments);
  };
  const auto inspected = with({"inspect", model, "--json", at("i.json")});
  ASSERT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, HasSubstr("100.0 % of the multiply-adds in INT8"));
  EXPECT_EQ(readJson(folder / "i.json")["precisions"][0]["precision"], "int8");
  const auto kept = with({"inspect", model, "--keep-fp32", "score"});
  EXPECT_THAT(kept.out, HasSubstr("kept fp32 by option"));
  EXPECT_EQ(with({"inspect", model, "--keep-fp32", "nobody"}).code, 1);
  const auto undecided = with({"inspect", model, "--precision-choice", "measured"});
  EXPECT_THAT(undecided.out, HasSubstr("100.0 % of the multiply-adds in INT8"))
      << "untuned, the rules decide";
  EXPECT_THAT(undecided.err, HasSubstr("by the rules"));
  EXPECT_EQ(with({"bench", model, "--runs", "2"}).code, 0);
  EXPECT_EQ(with({"run", model, "--random", "--out", at("out")}).code, 0);
  EXPECT_EQ(runProgram("tessera", {"bench", model, "--calibration-cache", cache}).code, 2)
      << "fp32 takes no cache";
  EXPECT_EQ(runProgram("tessera", {"bench", model, "--precision-choice", "measured"}).code, 2)
      << "nor a choice";
  const auto mixed = with({"inspect", model, "--keep-first-last", "--precision-rest", "fp16"});
  EXPECT_THAT(mixed.out, HasSubstr("kept fp32 by option"));
  EXPECT_EQ(with({"inspect", model, "--precision-rest", "int8"}).code, 2);
  EXPECT_EQ(runProgram("tessera", {"inspect", model, "--precision-rest", "fp16"}).code, 2) << "nor a rest";
}

TEST_F(Program, RunsOnNpyFiles) {
  HostTensor x(DataType::Float32, {1, 3, 24, 32});
  for (std::int64_t i = 0; i < x.size(); ++i) x.setNumber(i, static_cast<double>(i % 17) - 8);
  app::writeNpy(folder / "x.npy", x);
  for (const std::string& input : {at("x.npy"), "image=" + at("x.npy")}) {
    const auto result = runProgram("tessera", {"run", model, "--input", input, "--out", at("out")});
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(app::readNpy(folder / "out/scores.npy"), x);  // its weights are the identity
    fs::remove_all(folder / "out");
  }
}

TEST_F(Program, RefusesWrongInputs) {
  app::writeNpy(folder / "x.npy", HostTensor(DataType::Float32, {1, 3, 24, 33}));
  const auto expect = [&](const std::vector<std::string>& arguments, int code, const char* message) {
    const auto result = runProgram("tessera", arguments);
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_FALSE(fs::exists(folder / "out"));
  };
  expect({"run", model, "--input", at("x.npy"), "--out", at("out")}, 1, "1x3x24x33");
  expect({"run", model, "--input", "nobody=" + at("x.npy"), "--out", at("out")}, 1, "nobody");
  expect({"run", model, "--out", at("out")}, 1, "'image' was not given");
  expect({"run", at("none.onnx"), "--out", at("out")}, 1, "none.onnx");
  expect({"run"}, 2, "model");
  expect({}, 2, "devices, inspect");
  expect({"frobnicate"}, 2, "no command 'frobnicate'; the commands are devices, inspect");
  expect({"inspect", model, "--passes-off", "no-such-pass"}, 1, "no-such-pass");
}

TEST_F(Program, InspectsGraphsAndSteps) {
  EXPECT_THAT(runProgram("tessera", {"inspect", model, "--raw"}).out, HasSubstr("Convolution"));
  EXPECT_THAT(runProgram("tessera", {"inspect", model, "--graph"}).out, HasSubstr("Convolution"));
  const auto result = runProgram("tessera", {"inspect", model, "--batch", "2", "--json", at("i.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = readJson(folder / "i.json");
  EXPECT_EQ(json["bindings"][0]["shape"], app::Json::array({2, 3, 24, 32}));
  EXPECT_GE(json["layers"].size(), 1u);
  // One convolution: what lies between its input and output depends on the device's layouts, the bindings do
  // not.
  std::size_t elements = 0;
  for (const auto& binding : json["bindings"]) elements += elementCount(binding["shape"].get<Shape>());
  EXPECT_EQ(json["memory_bytes"]["bindings"].get<std::size_t>(), elements * sizeof(float));
  EXPECT_GT(json["memory_bytes"]["weights"].get<int>(), 0);
}

TEST_F(Program, MeasuresLayers) {
  const auto result = runProgram("tessera", {"bench", model, "--runs", "5", "--json", at("b.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto json = readJson(folder / "b.json");
  for (const char* key :
       {"device", "model", "precision", "batch", "latency_ms", "throughput", "memory_bytes", "layers"})
    EXPECT_TRUE(json.contains(key)) << key;
  double layers = 0;
  for (const auto& layer : json["layers"]) {
    for (const char* key : {"name", "family", "tactic", "precision", "ms", "gops", "gbps"})
      EXPECT_TRUE(layer.contains(key)) << key;
    layers += layer["ms"].get<double>();
  }
  EXPECT_GT(layers, 0);
  EXPECT_GT(json["latency_ms"]["median"].get<double>(), 0);
}

}  // namespace
}  // namespace tessera
