// Options that all programs share, and inputs on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "apps/common/npy.hpp"
#include "tests/apps/program.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using app::readJson;
using test::Folder;
using test::OnnxModel;
using test::runProgram;
using testing::HasSubstr;
using testing::Not;

class Options : public testing::Test {
 protected:
  Folder folder;
  std::string model = test::writeColorNetwork(folder.path());
  std::string at(const std::string& name) const { return (folder / name).string(); }
  std::string write(const std::string& name, const OnnxModel& m) {
    test::writeText(folder / name, m.bytes());
    return at(name);
  }
};

TEST_F(Options, OnlySomeProgramsSearchForKernelsUnasked) {
  for (const char* command : {"run", "inspect"}) {
    std::vector<std::string> arguments{command, model};
    if (command == std::string("run")) arguments.insert(arguments.end(), {"--random", "--out", at("out")});
    const auto result = runProgram("tessera", arguments, "TESSERA_TUNE=");
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("Searching"))) << command;
  }
  const auto bench =
      runProgram("tessera", {"bench", model, "--runs", "1", "--tune-budget", "1"}, "TESSERA_TUNE=");
  ASSERT_EQ(bench.code, 0) << bench.err;
  EXPECT_THAT(bench.err, HasSubstr("--tune off"));
  EXPECT_EQ(bench.err.find("Searching"), bench.err.rfind("Searching")) << "said once";
  EXPECT_EQ(runProgram("tessera", {"inspect", model, "--tune", "fast"}).code, 2);
  EXPECT_EQ(runProgram("tessera", {"inspect", model}, "TESSERA_TUNE=fast").code, 0);
}

TEST_F(Options, TheCommandLineBeatsTheEnvironment) {
  const auto asked =
      runProgram("tessera", {"bench", model, "--runs", "1", "--tune", "off"}, "TESSERA_TUNE=fast");
  ASSERT_EQ(asked.code, 0) << asked.err;
  EXPECT_THAT(asked.err, Not(HasSubstr("Searching")));
  EXPECT_EQ(
      runProgram("tessera", {"bench", model, "--runs", "1", "--tune", "off"}, "TESSERA_TUNE=often").code, 0);
  const auto unasked = runProgram("tessera", {"bench", model, "--runs", "1"}, "TESSERA_TUNE=often");
  EXPECT_EQ(unasked.code, 2);
  EXPECT_THAT(unasked.err, HasSubstr("TESSERA_TUNE"));
}

TEST_F(Options, AreRefusedByName) {
  const auto refused = [&](std::vector<std::string> more, int code,
                           const std::vector<const char*>& messages) {
    std::vector<std::string> arguments{"bench", model, "--tune", "off"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = runProgram("tessera", arguments);
    EXPECT_EQ(result.code, code) << more.back();
    for (const char* message : messages) EXPECT_THAT(result.err, HasSubstr(message));
  };
  refused({"--device", "99999999999999999999"}, 1, {"99999999999999999999"});
  refused({"--device", "-1"}, 1, {"-1"});
  refused({"--precision", "fp8"}, 2, {"fp8", "fp32", "fp16", "int8"});
  for (const char* bad : {"99999999999999999999", "-1", "2x", "1.5", "nan"})
    refused({"--runs", bad}, 2, {"--runs", bad});
  for (const char* bad : {"nan", "-1", "1e99"}) refused({"--tune-budget", bad}, 2, {"--tune-budget", bad});
  for (const char* bad : {"-1", "1.5M", "8Q", "99999999999999G", ""})
    refused({"--workspace", bad}, 2, {"--workspace"});
  refused({"--calibration-limit", "-3"}, 2, {"--calibration-limit"});
  refused({"--calibration-seed", "4294967296"}, 2, {"--calibration-seed"});
  refused({"--shape", "1x3xhigh"}, 2, {"'1x3xhigh' is no shape"});
  refused({"--shape", "nobody=1x3x4x4"}, 1, {"nobody"});
}

TEST_F(Options, ALimitOfTheWorkspaceHasUnits) {
  for (const char* size : {"0", "4096", "512K", "8M", "1G"})
    EXPECT_EQ(runProgram("tessera", {"bench", model, "--runs", "1", "--workspace", size}).code, 0) << size;
}

TEST_F(Options, EveryProgramHasAVersion) {
  for (const char* program : {"segmenter", "tessera", "tessera-tune"}) {
    const auto result = runProgram(program, {"--version"});
    EXPECT_EQ(result.code, 0) << program;
    EXPECT_EQ(result.out.rfind(std::string(program) + " ", 0), 0u) << result.out;
  }
}

TEST_F(Options, AMissingModelIsCalledThat) {
  const std::string missing = at("none.onnx");
  for (const auto& [program, arguments] : std::vector<std::pair<const char*, std::vector<std::string>>>{
           {"segmenter", {"--model", missing, "--images", at("net.prototxt")}},
           {"tessera", {"run", missing, "--random"}},
           {"tessera",
            {"calibrate", missing, "--calibration-images", at("x"), "--calibration-cache", at("c")}},
           {"tessera-tune", {missing, "--tune", "fast"}}}) {
    const auto result = runProgram(program, arguments);
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr("no model file " + missing)) << program;
  }
}

TEST_F(Options, OutputsWithNamesAlikeGetFilesOfTheirOwn) {
  OnnxModel m;
  m.input("x", {1, 2});
  const std::vector<std::string> names{"head/box:0", "head:box/0", "\xc3\xa9",
                                       "\xc3\xa8",   "..",         std::string(300, 'n')};
  m.floats("one", {1}, {1});
  std::string last = "x";
  for (const std::string& name : names) {
    m.node("Add", {last, "one"}, {name});
    m.output(name);
    last = name;
  }
  app::writeNpy(folder / "x.npy", HostTensor::of<float>({1, 2}, {0, 10}));
  const auto result = runProgram(
      "tessera", {"run", write("m.onnx", m), "-i", at("x.npy"), "-o", at("out"), "--json", at("r.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto files = readJson(folder / "r.json")["outputs"];
  ASSERT_EQ(files.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto step = static_cast<float>(i + 1);
    EXPECT_EQ(app::readNpy(files[names[i]].get<std::string>()),
              HostTensor::of<float>({1, 2}, {step, step + 10}))
        << names[i];
  }
}

TEST_F(Options, OpenExtentsComeFromTheInputs) {
  OnnxModel m;
  m.input("a=b", {-1, 3, -1, -1}).input("c", {-1, 3, -1, -1}).output("y");
  m.node("Add", {"a=b", "c"}, {"y"});
  const std::string net = write("open.onnx", m);
  const HostTensor x(DataType::Float32, {2, 3, 5, 7});
  app::writeNpy(folder / "x=1.npy", x);
  app::writeNpy(folder / "c.npy", x);
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"run", net, "--out", at("out")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runProgram("tessera", arguments);
  };
  auto result = run({"--input", "a=b=" + at("x=1.npy"), "--input", "c=" + at("c.npy")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(app::readNpy(folder / "out/y.npy"), x);
  result = run({"--random"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("--shape "));
  EXPECT_EQ(run({"--random", "--shape", "a=b=1x3x4x6", "--shape", "c=1x3x4x6"}).code, 0);
  EXPECT_EQ(app::readNpy(folder / "out/y.npy").shape, (Shape{1, 3, 4, 6}));
  EXPECT_EQ(run({"--random", "--shape", "2x3x8x2"}).code, 0);
  EXPECT_EQ(app::readNpy(folder / "out/y.npy").shape, (Shape{2, 3, 8, 2}));
  EXPECT_EQ(runProgram("tessera", {"inspect", net, "--shape", "*=1x3x4x6"}).code, 0);
  EXPECT_EQ(runProgram("tessera", {"bench", net, "--runs", "1", "--shape", "1x3x4x6"}).code, 0);
  EXPECT_EQ(run({"--input", "c=" + at("c.npy"), "--input", "c=" + at("c.npy"), "--shape", "2x3x5x7"}).code,
            1);
}

TEST_F(Options, InputFilesMayHoldAnotherNumberType) {
  std::string header = "{'descr': '<f2', 'fortran_order': True, 'shape': (2, 3), }";
  header += std::string(118 - 1 - header.size(), ' ') + "\n";
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + '\x76' + '\0' + header;
  for (const float value : {1.f, 4.f, 2.f, 5.f, 3.f, 6.f}) {
    const Half half = Half::fromFloat(value);
    bytes.append(reinterpret_cast<const char*>(&half.bits), 2);
  }
  test::writeText(folder / "x.npy", bytes);
  OnnxModel m;
  m.input("x", {2, 3}).output("y");
  m.node("Neg", {"x"}, {"y"});
  const auto result =
      runProgram("tessera", {"run", write("m.onnx", m), "--input", at("x.npy"), "--out", at("out")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(app::readNpy(folder / "out/y.npy"), HostTensor::of<float>({2, 3}, {-1, -2, -3, -4, -5, -6}));
}

TEST_F(Options, ABatchThatTheModelFixesInsideIsRefused) {
  for (const int batch : {-1, 1}) {
    OnnxModel m;
    m.input("x", {batch, 2, 3}).output("y").ints("to", {1, -1, 3});
    m.node("Reshape", {"x", "to"}, {"y"});
    const std::string net = write("m.onnx", m);
    EXPECT_EQ(runProgram("tessera", {"inspect", net}).code, 0);
    const auto result = runProgram("tessera", {"inspect", net, "--batch", "2"});
    EXPECT_EQ(result.code, 1) << result.out;
    EXPECT_THAT(result.err, HasSubstr("1x4x3"));
  }
  OnnxModel cut;  // a Slice that keeps the first item
  cut.input("x", {-1, 2, 3}).output("y").ints("from", {0}).ints("to", {1}).ints("axes", {0});
  cut.node("Slice", {"x", "from", "to", "axes"}, {"y"});
  const std::string cuts = write("c.onnx", cut);
  EXPECT_EQ(runProgram("tessera", {"inspect", cuts}).code, 0);
  const auto lost = runProgram("tessera", {"inspect", cuts, "--batch", "2"});
  EXPECT_EQ(lost.code, 1) << lost.out;
  EXPECT_THAT(lost.err, HasSubstr("drops items"));
  OnnxModel fine;
  fine.input("x", {1, 2, 3}).output("y");
  fine.node("Neg", {"x"}, {"y"});
  EXPECT_EQ(runProgram("tessera", {"inspect", write("f.onnx", fine), "--batch", "2"}).code, 0);
}

TEST_F(Options, ADamagedCalibrationImageIsLeftOut) {
  cv::theRNG().state = 7;
  fs::create_directories(folder / "images");
  for (int i = 0; i < 3; ++i) {
    cv::Mat image(24, 32, CV_8UC3);
    cv::randu(image, 0, 256);
    cv::imwrite(at("images/" + std::to_string(i) + ".png"), image);
  }
  test::writeText(folder / "images/broken.png", "no image");
  const auto calibrate = [&](const std::string& images) {
    return runProgram("tessera",
                      {"calibrate", model, "--calibration-method", "minmax", "--calibration-images", images,
                       "--calibration-cache", at("c.txt"), "--json", at("c.json")});
  };
  const auto result = calibrate(at("images"));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("broken.png"));
  EXPECT_EQ(readJson(folder / "c.json")["batches"], 3);
  fs::remove(folder / "c.txt");
  const auto none = calibrate(at("images/broken.png"));
  EXPECT_EQ(none.code, 1);
  EXPECT_FALSE(fs::exists(folder / "c.txt"));
}

TEST_F(Options, CalibrationHonoursTheDescribedSize) {
  test::writeText(folder / "side.json", R"({"input": {"size": [12, 16]}})");
  cv::imwrite(at("a.png"), cv::Mat(24, 32, CV_8UC3, cv::Scalar(9, 80, 200)));
  const auto calibrate = [&](const std::string& net) {
    return runProgram("tessera",
                      {"calibrate", net, "--preprocess", at("side.json"), "--calibration-images", at("a.png"),
                       "--calibration-cache", at("c.txt"), "--calibration-method", "minmax"});
  };
  const auto fixed = calibrate(model);
  EXPECT_EQ(fixed.code, 1);
  EXPECT_THAT(fixed.err, HasSubstr("12x16"));
  OnnxModel m;
  m.input("image", {-1, 3, -1, -1}).output("y").floats("w", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6});
  m.node("Conv", {"image", "w"}, {"y"});
  const auto open = calibrate(write("open.onnx", m));
  EXPECT_EQ(open.code, 0) << open.err;
}

// What is wrong with the model is said before a description of its images is asked for.
TEST_F(Options, AModelThatCanNotBeUsedGoesBeforeItsDescription) {
  cv::imwrite(at("a.png"), cv::Mat(24, 32, CV_8UC3, cv::Scalar(9, 80, 200)));
  test::writeText(folder / "broken.onnx", "\x08\x07no model");
  OnnxModel unknown, open;
  unknown.input("image", {1, 3, -1, -1}).output("y");
  unknown.node("NobodyKnows", {"image"}, {"y"});
  write("unknown.onnx", unknown);
  open.input("image", {1, 3, -1, -1}).output("y");
  open.node("Relu", {"image"}, {"y"});
  write("open.onnx", open);
  for (const std::string program : {"segmenter", "classifier", "detector"})
    for (const auto& [net, says] :
         {std::pair("broken.onnx", "is no ONNX model"), std::pair("unknown.onnx", "NobodyKnows"),
          std::pair("open.onnx", "Nothing says how images become the input")}) {
      const auto result = runProgram(program, {"--model", at(net), "--images", at("a.png")});
      EXPECT_EQ(result.code, 1);
      EXPECT_THAT(result.err, HasSubstr(says)) << program;
      EXPECT_EQ(result.err.find("--preset says") != std::string::npos,
                program != "segmenter" && std::string(net) == "open.onnx")
          << program << " " << net;
    }
}

}  // namespace
}  // namespace tessera
