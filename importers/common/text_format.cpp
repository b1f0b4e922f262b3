// Depth of text messages.
#include "importers/common/text_format.hpp"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "tessera/error.hpp"

namespace tessera {
namespace {
class Silent final : public google::protobuf::io::ErrorCollector {
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};
}  // namespace

void checkNesting(const std::string& text, const std::string& origin) {
  constexpr int kDeepest = 64;  // networks need 4
  Silent ignored;               // the parser reports them
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  google::protobuf::io::Tokenizer tokens(&stream, &ignored);
  tokens.set_comment_style(google::protobuf::io::Tokenizer::SH_COMMENT_STYLE);
  int depth = 0;
  while (tokens.Next()) {
    const auto& token = tokens.current();
    if (token.type != google::protobuf::io::Tokenizer::TYPE_SYMBOL) continue;
    if (token.text == "{" || token.text == "<" || token.text == "[") ++depth;
    if (token.text == "}" || token.text == ">" || token.text == "]") --depth;
    if (depth > kDeepest)
      throw Error(ErrorCode::BadModel,
                  origin + ":" + std::to_string(token.line + 1) + ":" + std::to_string(token.column + 1) +
                      ": fields are nested more than " + std::to_string(kDeepest) + " deep");
  }
}

}  // namespace tessera
