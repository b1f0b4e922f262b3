/// \file
/// OpenCL C as tokens: the preprocessor's work done here, so that sources can be looked into and put
/// together.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera {

/// One token of a source.
struct CToken {
  enum class Kind { Name, Number, Text, Sign, Pragma } kind = Kind::Sign;
  std::string text;  ///< as written; of a Pragma the whole line
  bool is(std::string_view t) const { return text == t && kind != Kind::Text && kind != Kind::Pragma; }
  bool operator==(const CToken&) const = default;
};
using CTokens = std::vector<CToken>;

/// The tokens of `source`, comments left out. Throws Error(Internal) that says where it is no OpenCL C.
CTokens tokensOf(std::string_view source);

/// What a compiler sees of `source` once its directives are carried out, with macros `defines` as by -D.
/// Names that a compiler predefines stay as they are. Throws Error(Internal) with the reason: an #error that
/// is reached, or a directive that is not understood.
CTokens preprocess(std::string_view source, const std::vector<std::pair<std::string, std::string>>& defines);

/// Tokens as text that a compiler reads back.
std::string textOf(const CTokens& tokens);

}  // namespace tessera
