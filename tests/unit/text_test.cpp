// Texts as names and hashes.
#include "base/text.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace tessera {
namespace {

TEST(Text, LowerCaseChangesLettersOfAsciiOnly) {
  EXPECT_EQ(lowerCase("NVIDIA H200 [@`{] \xc3\x84"), "nvidia h200 [@`{] \xc3\x84");
  EXPECT_EQ(lowerCase(""), "");
}

TEST(Text, EveryByteComesBackFromItsEscape) {
  EXPECT_EQ(percentEscape('/'), "%2F");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    EXPECT_EQ(percentUnescaped("a" + percentEscape(c) + "b"), std::string("a") + c + "b") << byte;
  }
}

TEST(Text, WhatIsNoEscapeIsRefused) {
  EXPECT_EQ(percentUnescaped("plain"), "plain");
  EXPECT_EQ(percentUnescaped("%2f"), "/");
  for (const char* wrong : {"%", "a%2", "%G0", "%0G", "%-1", "%%41"})
    EXPECT_EQ(percentUnescaped(wrong), std::nullopt) << wrong;
}

// Names of files and checksums in caches rest on it.
TEST(Text, HashesAndTheirTextStayAsTheyWere) {
  EXPECT_EQ(hexText(textHash("")), "2d06800538d394c2");
  EXPECT_EQ(hexText(0xabc, 2), "bc");
  EXPECT_EQ(hexText(0xabc), "0000000000000abc");
}

}  // namespace
}  // namespace tessera
