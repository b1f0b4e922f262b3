// The README shows the host program as it is compiled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/common/files.hpp"
#include "tests/support/support.hpp"

namespace tessera::app {
namespace {

TEST(Readme, ShowsTheHostProgramVerbatim) {
  const fs::path root = test::sourceFolder();
  const std::string readme = readFile(root / "README.md");
  const std::string program = readFile(root / "docs/host_program/main.cpp");
  EXPECT_THAT(readme, testing::HasSubstr("```cpp\n" + program + "```\n"));
  EXPECT_THAT(readme, testing::HasSubstr("```cmake\n" + readFile(root / "docs/host_program/CMakeLists.txt") +
                                         "```\n"));
}

TEST(Tutorials, ShowTheProgramVerbatim) {
  const fs::path folder = test::sourceFolder() / "docs/tutorials";
  EXPECT_THAT(readFile(folder / "classification.md"),
              testing::HasSubstr("```cpp\n" + readFile(folder / "classify.cpp") + "```\n"));
  EXPECT_THAT(readFile(folder / "deploying_int8.md"),
              testing::HasSubstr("```cpp\n" + readFile(folder / "deploy_int8.cpp") + "```\n"));
  const fs::path examples = test::sourceFolder() / "python/examples";
  for (const auto& [page, program] :
       {std::pair{"python_detection.md", "detect.py"}, std::pair{"python_yolox_int8.md", "yolox_int8.py"}})
    EXPECT_THAT(readFile(folder / page),
                testing::HasSubstr("```python\n" + readFile(examples / program) + "```\n"))
        << page;
}

TEST(Readme, NamesFilesThatExist) {
  const fs::path root = test::sourceFolder();
  const std::string readme = readFile(root / "README.md");
  std::size_t links = 0;
  for (std::size_t at = readme.find("]("); at != std::string::npos; at = readme.find("](", at + 1)) {
    const std::string target = readme.substr(at + 2, readme.find(')', at) - at - 2);
    if (target.starts_with("http") || target.starts_with("#")) continue;
    EXPECT_TRUE(fs::exists(root / target)) << target;
    ++links;
  }
  EXPECT_GT(links, 0u);
}

}  // namespace
}  // namespace tessera::app
