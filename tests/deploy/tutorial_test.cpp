// The tutorial "from ONNX to a product": every command of it runs, in its order, and the program is what is
// built.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/apps/program.hpp"

namespace tessera::test {
namespace {

using app::readFile;
using app::readJson;

const fs::path kTutorial = sourceFolder() / "docs/tutorials/product.md";

// The commands of all blocks of shell.
std::vector<std::string> commandsOf(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream lines(page);
  bool shell = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```"))
      shell = line == "```sh";
    else if (shell && !line.empty())
      commands.push_back(line);
  }
  return commands;
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
  for (const std::string& command : commands) {
    const std::string line = "cd " + folder.path().string() + " && PATH=" + binFolder().string() +
                             ":$PATH TESSERA_TUNE=off TESSERA_CACHE_DIR=cache " + command +
                             " >log 2>&1 </dev/null";
    ASSERT_EQ(std::system(line.c_str()), 0) << command << "\n" << readFile(folder / "log");
  }
  for (const char* file : {"trace.json", "layers.png", "street.plan", "out/scores.npy"})
    EXPECT_TRUE(fs::exists(folder / file)) << file;
  EXPECT_EQ(readJson(folder / "int8.json")["precision"], "int8");
  EXPECT_GT(readJson(folder / "task.json")["miou"].get<double>(), 0.3);
  EXPECT_THAT(readFile(folder / "log"), testing::HasSubstr("self-check: 1 outputs"));
}

}  // namespace
}  // namespace tessera::test
