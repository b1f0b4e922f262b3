// Names that are not UTF-8.
#include <gmock/gmock.h>

#include "importers/common/names.hpp"
#include "tessera/log.hpp"
#include "tests/import/onnx_fixture.hpp"

namespace tessera {
namespace {

TEST(Names, KnowWellFormedUtf8) {
  for (const char* text : {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(isUtf8(text)) << escapeBytes(text);
  for (const char* text : {"\xff", "a\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xe2\x82", "\xf8\x88\x80\x80\x80"})
    EXPECT_FALSE(isUtf8(text)) << escapeBytes(text);
}

TEST(Names, EscapedBytesStayDifferent) {
  EXPECT_EQ(escapeBytes("a\xff\xc3\xa4"), "a\\xff\xc3\xa4");
  EXPECT_EQ(escapeBytes("\\xff"), "\\\\xff");
  EXPECT_TRUE(isUtf8(escapeBytes("\xed\xa0\x80 \xc3")));
}

using OnnxNames = test::OnnxFixture;

TEST_F(OnnxNames, ThatAreNotUtf8AreEscapedEverywhere) {
  setLogger(nullptr);
  test::OnnxModel model;
  model.input("x\xe9", {2}).output("\xff").output("\\xff");
  model.node("Neg", {"x\xe9"}, {"\xff"}, "n\xfe");
  model.node("Exp", {"\xff"}, {"\\xff"});
  const Graph graph = import(model);
  EXPECT_EQ(graph.tensor(graph.inputs()[0]).name, "x\\xe9");
  EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "\\xff");
  EXPECT_EQ(graph.tensor(graph.outputs()[1]).name, "\\\\xff");
  EXPECT_EQ(graph.layers()[0].name, "n\\xfe");
  EXPECT_TRUE(isUtf8(graph.text()));
}

}  // namespace
}  // namespace tessera
