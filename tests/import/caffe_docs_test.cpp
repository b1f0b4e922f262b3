// docs/caffe.md lists the layers that there are.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "importers/caffe/layers.hpp"
#include "tests/support/support.hpp"

namespace tessera {
namespace {

TEST(CaffeDocs, TableOfLayersIsTheImporters) {
  std::ifstream page(test::sourceFolder() / "docs/caffe.md");
  ASSERT_TRUE(page) << "docs/caffe.md is missing";
  std::set<std::string> documented, known;
  bool inTable = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inTable = line == "## Layers";
    if (inTable && line.starts_with("| ") && !line.starts_with("| layer ") && !line.starts_with("| --- "))
      documented.insert(line.substr(2, line.find(" |", 2) - 2));
  }
  for (const auto& row : caffe::allRows()) known.emplace(row.type);
  EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace tessera
