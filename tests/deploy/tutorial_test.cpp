// The tutorials: every command of them runs, in its order. That of the product is also the program that is
// built; those of Python: python/tests/test_examples.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/apps/program.hpp"
#include "tests/import/onnx_model.hpp"

namespace tessera::test {
namespace {

using app::readFile;
using app::readJson;

const fs::path kTutorial = sourceFolder() / "docs/tutorials/product.md";

// The commands of all blocks of shell, lines that go on joined.
std::vector<std::string> commandsOf(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream lines(page);
  bool shell = false, goesOn = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      shell = line == "```sh";
    } else if (shell && !line.empty()) {
      const bool more = line.back() == '\\';
      if (more) line.pop_back();
      goesOn ? void(commands.back() += line) : commands.push_back(line);
      goesOn = more;
    }
  }
  return commands;
}

// Runs a command in a folder with the built programs.
void expectRuns(const Folder& folder, const std::string& command) {
  const std::string line = "cd " + folder.path().string() + " && PATH=" + binFolder().string() +
                           ":$PATH TESSERA_TUNE=off TESSERA_CACHE_DIR=cache " + command +
                           " >log 2>&1 </dev/null";
  ASSERT_EQ(std::system(line.c_str()), 0) << command << "\n" << readFile(folder / "log");
}

// Copies so many pictures of a folder.
void copyImages(const fs::path& from, const fs::path& to, std::size_t count) {
  fs::create_directories(to);
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(from))
    if (entry.path().extension() == ".jpg") files.insert(entry.path());
  for (const fs::path& file : files)
    if (count-- > 0)
      fs::copy(file, to / file.filename());
    else
      break;
}

TEST(ProductTutorial, ShowsTheProgramVerbatim) {
  EXPECT_THAT(readFile(kTutorial),
              testing::HasSubstr("```cpp\n" + readFile(kTutorial.parent_path() / "product.cpp") + "```\n"));
}

TEST(ProductTutorial, EveryCommandRuns) {
  const Folder folder;
  fs::copy(sourceFolder() / "apps/segmenter/demo", folder / "demo", fs::copy_options::recursive);
  // One image is enough to show that a command runs.
  for (const char* image : {"street_90010.jpg", "street_90022.jpg", "street_90025.jpg"})
    ASSERT_TRUE(fs::remove(folder / "demo/images" / image));
  const auto commands = commandsOf(readFile(kTutorial));
  ASSERT_GE(commands.size(), 14u);
  for (const std::string& command : commands) expectRuns(folder, command);
  for (const char* file : {"trace.json", "layers.png", "street.plan", "out/scores.npy"})
    EXPECT_TRUE(fs::exists(folder / file)) << file;
  EXPECT_EQ(readJson(folder / "int8.json")["precision"], "int8");
  EXPECT_GT(readJson(folder / "task.json")["miou"].get<double>(), 0.3);
  EXPECT_THAT(readFile(folder / "log"), testing::HasSubstr("self-check: 1 outputs"));
}

// Networks of the embedded demos and made-up ones stand for those that a reader has.
class Tutorials : public testing::Test {
 protected:
  static fs::path segmenter() { return sourceFolder() / "apps/segmenter/demo"; }
  static fs::path detector() { return sourceFolder() / "apps/detector/demo"; }
  void runPage(const fs::path& page, std::size_t least) {
    const auto commands = commandsOf(readFile(sourceFolder() / "docs" / page));
    ASSERT_GE(commands.size(), least);
    for (const std::string& command : commands) expectRuns(folder, command);
  }
  Folder folder;
};

TEST_F(Tutorials, ClassificationRuns) {
  OnnxModel model;
  model.input("image", {-1, 3, 32, 32}).output("scores");
  std::vector<float> weights(3000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 7) - 3;
  model.floats("w", {3, 1000}, weights);
  model.node("GlobalAveragePool", {"image"}, {"mean"});
  model.node("Flatten", {"mean"}, {"flat"});
  model.node("MatMul", {"flat", "w"}, {"scores"});
  writeText(folder / "resnet50.onnx", model.bytes());
  std::string names;
  for (int i = 0; i < 1000; ++i) names += "class " + std::to_string(i) + "\n";
  writeText(folder / "imagenet.txt", names);
  copyImages(segmenter() / "images", folder / "photos", 2);
  runPage("tutorials/classification.md", 1);
}

TEST_F(Tutorials, DetectionRuns) {
  fs::copy(detector() / "detector_street.onnx", folder / "yolov8n.onnx");
  for (const char* images : {"photos", "val2017"}) copyImages(detector() / "images", folder / images, 2);
  fs::copy(detector() / "images/annotations.json", folder / "instances_val2017.json");
  runPage("tutorials/detection.md", 2);
  EXPECT_EQ(readJson(folder / "result.json")["batch"], 8);
  EXPECT_TRUE(fs::exists(folder / "boxes.json"));
}

TEST_F(Tutorials, Int8Runs) {
  fs::copy(segmenter() / "fcn8s_street.onnx", folder / "net.onnx");
  fs::copy(segmenter() / "fcn8s_street.json", folder / "net.json");
  copyImages(segmenter() / "calibration", folder / "train", 1);
  copyImages(segmenter() / "images", folder / "test", 1);
  runPage("tutorials/deploying_int8.md", 1);
  runPage("int8_tutorial.md", 4);
  EXPECT_TRUE(fs::exists(folder / "net.qdq.onnx"));
}

// A page that is added is run as well.
TEST(TutorialPages, AreAllRun) {
  const std::set<std::string> run{"product.md", "classification.md", "detection.md", "deploying_int8.md"};
  for (const auto& entry : fs::directory_iterator(sourceFolder() / "docs/tutorials")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".md") || name.starts_with("python_")) continue;
    EXPECT_TRUE(run.count(name)) << name;
  }
}

}  // namespace
}  // namespace tessera::test
