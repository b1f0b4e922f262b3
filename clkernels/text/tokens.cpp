// Text into tokens and back.
#include <cctype>

#include "clkernels/text/preprocess.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

bool beginsName(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool inName(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Signs of more than one character, the longest first.
constexpr std::string_view kSigns[] = {"<<=", ">>=", "...", "->", "++", "--", "<<", ">>",
                                       "<=",  ">=",  "==",  "!=", "&&", "||", "+=", "-=",
                                       "*=",  "/=",  "%=",  "&=", "|=", "^=", "##"};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  CTokens all() {
    CTokens tokens;
    while (skipBlanks()) tokens.push_back(next());
    return tokens;
  }

 private:
  bool skipBlanks() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        ++at_;
      } else if (text_[at_] != '/') {
        return true;
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        return true;
      }
    }
    return false;
  }

  CToken next() {
    const char c = text_[at_];
    if (beginsName(c)) return take(CToken::Kind::Name, [](char, char n) { return inName(n); });
    const bool digit = std::isdigit(static_cast<unsigned char>(c));
    if (digit ||
        (c == '.' && at_ + 1 < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_ + 1]))))
      return take(CToken::Kind::Number, [](char before, char n) {
        const bool exponent = before == 'e' || before == 'E' || before == 'p' || before == 'P';
        return inName(n) || n == '.' || (exponent && (n == '+' || n == '-'));
      });
    if (c == '"' || c == '\'') return quoted(c);
    for (const std::string_view sign : kSigns)
      if (sign[0] == c && text_.substr(at_, sign.size()) == sign) return one(sign.size());
    return one(1);
  }

  template <class Goes>
  CToken take(CToken::Kind kind, Goes&& goes) {
    const std::size_t begin = at_++;
    // In 0x1ep4 the exponent's letter is p: e is a digit there.
    const bool hex = text_.substr(begin, 2) == "0x" || text_.substr(begin, 2) == "0X";
    while (at_ < text_.size()) {
      const char before = text_[at_ - 1];
      const bool digit = hex && (before == 'e' || before == 'E');
      if (!goes(digit ? '0' : before, text_[at_])) break;
      ++at_;
    }
    return {kind, std::string(text_.substr(begin, at_ - begin))};
  }

  CToken quoted(char quote) {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != quote) at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size())
      throw Error(ErrorCode::Internal, "kernel source: no end of " + std::string(text_.substr(begin, 40)));
    ++at_;
    return {CToken::Kind::Text, std::string(text_.substr(begin, at_ - begin))};
  }

  CToken one(std::size_t length) {
    at_ += length;
    return {CToken::Kind::Sign, std::string(text_.substr(at_ - length, length))};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

CTokens tokensOf(std::string_view source) { return Scanner(source).all(); }

std::string textOf(const CTokens& tokens) {
  std::string text;
  int parentheses = 0;
  for (const CToken& t : tokens) {
    if (t.kind == CToken::Kind::Pragma) {
      text += (text.empty() || text.back() == '\n' ? "" : "\n") + t.text + "\n";
      continue;
    }
    text += t.text;
    parentheses += t.is("(") ? 1 : t.is(")") ? -1 : 0;
    text += t.is("{") || t.is("}") || (t.is(";") && parentheses == 0) ? '\n' : ' ';
  }
  return text;
}

}  // namespace tessera
