#include "clkernels/text/condition.hpp"

#include <cstdlib>

#include "tessera/error.hpp"

namespace tessera {
namespace {

struct Binary {
  std::string_view sign;
  int rank;  // the higher, the tighter it binds
};
constexpr Binary kBinary[] = {{"||", 1}, {"&&", 2}, {"|", 3}, {"^", 4},  {"&", 5},  {"==", 6},
                              {"!=", 6}, {"<", 7},  {">", 7}, {"<=", 7}, {">=", 7}, {"<<", 8},
                              {">>", 8}, {"+", 9},  {"-", 9}, {"*", 10}, {"/", 10}, {"%", 10}};

class Reader {
 public:
  explicit Reader(const CTokens& tokens) : tokens_(tokens) {}
  long all() {
    const long value = choice();
    if (at_ != tokens_.size()) fails();
    return value;
  }

 private:
  [[noreturn]] void fails() const {
    throw Error(ErrorCode::Internal, "kernel source: '" + textOf(tokens_) + "' is no condition");
  }
  bool takes(std::string_view sign) {
    if (at_ >= tokens_.size() || !tokens_[at_].is(sign)) return false;
    ++at_;
    return true;
  }

  long choice() {
    const long condition = binary(1);
    if (!takes("?")) return condition;
    const long yes = choice();
    if (!takes(":")) fails();
    const long no = choice();
    return condition ? yes : no;
  }

  long binary(int least) {
    long left = unary();
    for (;;) {
      const Binary* found = nullptr;
      for (const Binary& b : kBinary)
        if (at_ < tokens_.size() && tokens_[at_].is(b.sign) && b.rank >= least) found = &b;
      if (!found) return left;
      ++at_;
      left = apply(found->sign, left, binary(found->rank + 1));
    }
  }

  long apply(std::string_view sign, long a, long b) const {
    if (sign == "||") return a || b;
    if (sign == "&&") return a && b;
    if (sign == "|") return a | b;
    if (sign == "^") return a ^ b;
    if (sign == "&") return a & b;
    if (sign == "==") return a == b;
    if (sign == "!=") return a != b;
    if (sign == "<") return a < b;
    if (sign == ">") return a > b;
    if (sign == "<=") return a <= b;
    if (sign == ">=") return a >= b;
    if (sign == "<<") return a << b;
    if (sign == ">>") return a >> b;
    if (sign == "+") return a + b;
    if (sign == "-") return a - b;
    if (sign == "*") return a * b;
    if (b == 0) return 0;  // in what && or || leave out
    return sign == "/" ? a / b : a % b;
  }

  long unary() {
    if (takes("!")) return !unary();
    if (takes("-")) return -unary();
    if (takes("+")) return unary();
    if (takes("~")) return ~unary();
    if (takes("(")) {
      const long value = choice();
      if (!takes(")")) fails();
      return value;
    }
    if (at_ >= tokens_.size()) fails();
    const CToken& t = tokens_[at_++];
    if (t.kind == CToken::Kind::Name) return 0;
    if (t.kind != CToken::Kind::Number) fails();
    return std::strtol(t.text.c_str(), nullptr, 0);
  }

  const CTokens& tokens_;
  std::size_t at_ = 0;
};

}  // namespace

long valueOfCondition(const CTokens& tokens) { return Reader(tokens).all(); }

}  // namespace tessera
