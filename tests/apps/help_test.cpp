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

constexpr std::size_t kLines = 56, kColumns = 100;

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
    testing::Values(
        std::vector<std::string>{"segmenter"}, std::vector<std::string>{"classifier"},
        std::vector<std::string>{"detector"}, std::vector<std::string>{"tessera-tune"},
        std::vector<std::string>{"tessera", "build"}, std::vector<std::string>{"tessera", "run"},
        std::vector<std::string>{"tessera", "bench"}, std::vector<std::string>{"tessera", "compare"},
        std::vector<std::string>{"tessera", "inspect"}, std::vector<std::string>{"tessera", "calibrate"},
        std::vector<std::string>{"tessera", "devices"}, std::vector<std::string>{"tessera", "plan", "check"}),
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
        "--tune", "--shape", "--freeze", "--calibration-images", "--json", "--log-level", "--version"})
    EXPECT_TRUE(segmenter.count(common) && classifier.count(common) && detector.count(common)) << common;
}

std::string helpOf(std::vector<std::string> command) {
  const std::string program = command.front();
  command.erase(command.begin());
  command.push_back("--help");
  return runProgram(program, command).out;
}

// What help says of an option, its lines joined; empty: it has none of that name.
std::string entryOf(const std::string& help, const std::string& option) {
  const std::regex begin("\n  (-[a-z],)?" + option + "[ \n]");
  std::smatch match;
  if (!std::regex_search(help, match, begin)) return {};
  std::istringstream rest(help.substr(static_cast<std::size_t>(match.position()) + 1));
  std::string entry, line;
  while (std::getline(rest, line)) {
    if (line.empty() || (!entry.empty() && line.find_first_not_of(' ') < 4)) break;
    std::istringstream words(line);
    for (std::string word; words >> word;) entry += (entry.empty() ? "" : " ") + word;
  }
  return entry;
}

// With the same words, tessera's commands that run or build a network included.
TEST(CommonOptions, HaveTheSameWordsInEachProgram) {
  std::vector<std::pair<std::string, std::string>> helps;
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"segmenter"},
                                                                                       {"classifier"},
                                                                                       {"detector"},
                                                                                       {"tessera", "run"},
                                                                                       {"tessera", "bench"},
                                                                                       {"tessera", "build"}})
    helps.emplace_back(command.back(), helpOf(command));
  helps.emplace_back("tessera-tune", helpOf({"tessera-tune"}));
  for (const char* option : {"--device",
                             "--self-check",
                             "--precision",
                             "--tuning-cache",
                             "--shape",
                             "--freeze",
                             "--calibration-images",
                             "--calibration-cache",
                             "--calibration-cache-format",
                             "--calibration-method",
                             "--calibration-limit",
                             "--calibration-seed",
                             "--calibration-fp32-share",
                             "--calibration-fp16-share",
                             "--keep-fp32",
                             "--keep-first-last",
                             "--deterministic",
                             "--precision-rest",
                             "--precision-choice",
                             "--json",
                             "--log-level"}) {
    const std::string words = entryOf(helps.front().second, option);
    EXPECT_FALSE(words.empty()) << option;
    for (const auto& [program, help] : helps) EXPECT_EQ(entryOf(help, option), words) << program;
  }
}

TEST(CommonOptions, VersionsAreToldByCommands) {
  const std::string version = runProgram("tessera", {"--version"}).out;
  EXPECT_THAT(version, testing::MatchesRegex("tessera [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  for (const std::vector<std::string>& command : {std::vector<std::string>{"run", "--version"},
                                                  {"plan", "check", "--version"},
                                                  {"devices", "--version"}}) {
    const ProgramResult told = runProgram("tessera", command);
    EXPECT_EQ(told.code, 0) << told.err;
    EXPECT_EQ(told.out, version);
  }
}

// The command, what is wrong with it in the words of the command line, and what may have been meant.
TEST(Usage, SaysWhatIsWrong) {
  const auto expect = [](const char* program, const std::vector<std::string>& arguments,
                         const std::string& message) {
    const ProgramResult result = runProgram(program, arguments);
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, message + "\nRun with --help for more information.\n");
  };
  expect("tessera", {"devices", "--device", "nope", "--random"},
         "tessera devices: there is no option --random");
  expect("tessera", {"run"}, "tessera run: --model is required");
  expect("tessera", {"plan", "check"}, "tessera plan check: --plan is required");
  expect("tessera", {"run", "m.onnx", "--imput", "x.npy"},
         "tessera run: there is no option --imput; there is --input");
  expect("tessera", {"run", "m.onnx", "--calibration-im=x"},
         "tessera run: there is no option --calibration-im; there is --calibration-images");
  expect("tessera", {"inspect", "m.onnx", "n.onnx"}, "tessera inspect: there is no use for 'n.onnx'");
  expect("detector", {"--model", "m.onnx", "-x"}, "detector: there is no option -x");
  expect("detector", {"--model", "m.onnx", "--threshhold", "1"},
         "detector: there is no option --threshhold; there is --threshold");
}

TEST(Devices, CanBeAskedFor) {
  const std::string all = runProgram("tessera", {"devices"}).out;
  const ProgramResult first = runProgram("tessera", {"devices", "--device", "0"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(all.find(first.out.substr(0, first.out.find("dot4"))), 0u)
      << "speeds beyond differ from run to run";
  EXPECT_EQ(first.out.find("\n1  "), std::string::npos);
  const ProgramResult none = runProgram("tessera", {"devices", "--device", "no such thing"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, testing::HasSubstr("no OpenCL device matches 'no such thing'; there are: 0: "));
}

// The other way round: docs/programs.md names no option that no program has.
TEST(Docs, NameOptionsThatExist) {
  std::string all;
  for (const char* program : {"segmenter", "classifier", "detector", "tessera-tune"})
    all += helpOf({program});
  const std::string help = helpOf({"tessera"});
  const std::regex command("\n  ([a-z]+) {2,}");
  std::size_t commands = 0;
  for (auto it = std::sregex_iterator(help.begin(), help.end(), command); it != std::sregex_iterator();
       ++it, ++commands)
    all += helpOf({"tessera", (*it)[1].str()});
  EXPECT_GE(commands, 6u) << help;
  all += helpOf({"tessera", "plan", "check"});
  const std::string docs = app::readFile(sourceFolder() / "docs/programs.md");
  const std::string programs = docs.substr(0, docs.find("## bench_models"));
  const std::regex option("--[a-z][a-z0-9-]*");
  for (auto it = std::sregex_iterator(programs.begin(), programs.end(), option); it != std::sregex_iterator();
       ++it)
    EXPECT_NE(all.find(it->str()), std::string::npos) << it->str() << " is no program's";
}

}  // namespace
}  // namespace tessera::test
