// What programs say of their options: it fits a screen, and docs/programs.md has each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "tests/apps/program.hpp"

namespace tessera::test {
namespace {

constexpr std::size_t kLines = 60, kColumns = 130;

class Help : public testing::TestWithParam<std::vector<std::string>> {
 protected:
  std::string text() const {
    std::vector<std::string> arguments(GetParam().begin() + 1, GetParam().end());
    arguments.push_back("--help");
    const ProgramResult result = runProgram(GetParam()[0], arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }
};

TEST_P(Help, FitsAScreen) {
  std::istringstream help(text());
  std::size_t lines = 0;
  for (std::string line; std::getline(help, line); ++lines) EXPECT_LE(line.size(), kColumns) << line;
  EXPECT_LE(lines, kLines);
}

TEST_P(Help, IsInTheDocs) {
  const std::string help = text(), docs = app::readFile(sourceFolder() / "docs/programs.md");
  const std::regex option("--[a-z0-9][a-z0-9-]*");
  std::set<std::string> known;
  for (auto it = std::sregex_iterator(docs.begin(), docs.end(), option); it != std::sregex_iterator(); ++it)
    known.insert(it->str());
  std::size_t options = 0;
  for (auto it = std::sregex_iterator(help.begin(), help.end(), option); it != std::sregex_iterator();
       ++it, ++options)
    EXPECT_TRUE(known.count(it->str())) << it->str() << " is not in docs/programs.md";
  EXPECT_GE(options, 3u);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, Help,
    testing::Values(std::vector<std::string>{"segmenter"}, std::vector<std::string>{"classifier"},
                    std::vector<std::string>{"detector"}, std::vector<std::string>{"tessera-tune"},
                    std::vector<std::string>{"tessera", "build"}, std::vector<std::string>{"tessera", "run"},
                    std::vector<std::string>{"tessera", "bench"},
                    std::vector<std::string>{"tessera", "inspect"},
                    std::vector<std::string>{"tessera", "calibrate"},
                    std::vector<std::string>{"tessera", "devices"}),
    [](const auto& p) {
      std::string name = p.param.back();
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

// The programs for images take the same words for the same things.
TEST(CommonOptions, AreTheSameInEachProgram) {
  const auto optionsOf = [](const std::string& program) {
    const std::string help = runProgram(program, {"--help"}).out;
    const std::regex line("\n  (-[a-z],)?(--[a-z0-9-]+)");
    std::set<std::string> found;
    for (auto it = std::sregex_iterator(help.begin(), help.end(), line); it != std::sregex_iterator(); ++it)
      found.insert((*it)[2].str());
    return found;
  };
  const auto segmenter = optionsOf("segmenter"), classifier = optionsOf("classifier"),
             detector = optionsOf("detector");
  for (const char* common :
       {"--model", "--images", "--out", "--labels", "--preprocess", "--max-batch", "--device", "--precision",
        "--tune", "--shape", "--freeze", "--calibration-images", "--json", "--log-level"})
    EXPECT_TRUE(segmenter.count(common) && classifier.count(common) && detector.count(common)) << common;
}

}  // namespace
}  // namespace tessera::test
