// From text to trees: a parser by descent.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "plugin/expression_code.hpp"

namespace tessera {
namespace {

using Kind = ExpressionNode::Kind;

constexpr std::size_t kMostCharacters = 8192;
constexpr int kMostDepth = 64;

bool startsName(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }

struct Level {
  std::vector<std::string_view> signs;
};
// From weak to strong; longer signs first.
const std::vector<Level>& levels() {
  static const std::vector<Level> all{
      {{"||"}}, {{"&&"}}, {{"==", "!="}}, {{"<=", ">=", "<", ">"}}, {{"+", "-"}}, {{"*", "//", "/", "%"}}};
  return all;
}

class Parser {
 public:
  Parser(std::string_view text, const ExpressionNames& names) : text_(text), names_(names) {
    code_.text = text;
    code_.operands = names.operands;
  }

  Expression::Code run() {
    if (text_.size() > kMostCharacters)
      fail("it is longer than " + std::to_string(kMostCharacters) + " characters");
    code_.root = expression();
    skip();
    if (at_ != text_.size()) fail("'" + std::string(text_.substr(at_, 12)) + "' was not expected");
    return std::move(code_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::InvalidArgument, "the expression '" + std::string(text_.substr(0, 200)) +
                                                "' is wrong at character " + std::to_string(at_ + 1) + ": " +
                                                why);
  }

  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  bool take(std::string_view sign) {
    skip();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  void want(std::string_view sign) {
    if (!take(sign)) fail("'" + std::string(sign) + "' is missing");
  }

  std::size_t add(ExpressionNode node) {
    code_.nodes.push_back(std::move(node));
    return code_.nodes.size() - 1;
  }
  std::size_t function(std::string_view name, std::vector<std::size_t> arguments) {
    return add({Kind::Function, 0, findExpressionFunction(name), std::move(arguments)});
  }

  std::size_t expression() {
    if (++depth_ > kMostDepth) fail("it is nested too deeply");
    std::size_t node = binary(0);
    if (take("?")) {
      const std::size_t then = expression();
      want(":");
      node = add({Kind::Choice, 0, 0, {node, then, expression()}});
    }
    --depth_;
    return node;
  }

  std::size_t binary(std::size_t level) {
    if (level == levels().size()) return unary();
    std::size_t left = binary(level + 1);
    for (;;) {
      const auto& signs = levels()[level].signs;
      const auto sign = std::ranges::find_if(signs, [&](std::string_view s) { return take(s); });
      if (sign == signs.end()) return left;
      const std::size_t right = binary(level + 1);
      if (*sign == "&&" || *sign == "||")
        left = add({*sign == "&&" ? Kind::And : Kind::Or, 0, 0, {left, right}});
      else
        left = function(*sign, {left, right});
    }
  }

  std::size_t unary() {
    if (++depth_ > kMostDepth) fail("it is nested too deeply");
    std::size_t node = 0;
    if (take("-"))
      node = function("negative", {unary()});
    else if (take("!"))
      node = function("not", {unary()});
    else
      node = primary();
    --depth_;
    return node;
  }

  std::size_t primary() {
    skip();
    if (take("(")) {
      const std::size_t node = expression();
      want(")");
      return node;
    }
    if (at_ < text_.size() && (isDigit(text_[at_]) || text_[at_] == '.')) return number();
    const std::string name = takeName();
    if (take("(")) return call(name);
    return named(name);
  }

  std::size_t number() {
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("this is no number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return add({Kind::Number, value, 0, {}});
  }

  std::string takeName() {
    skip();
    if (at_ == text_.size()) fail("it ends where a value was expected");
    if (!startsName(text_[at_])) fail("a value was expected");
    std::size_t end = at_;
    while (end < text_.size() && (startsName(text_[end]) || isDigit(text_[end]))) ++end;
    const std::string name(text_.substr(at_, end - at_));
    at_ = end;
    return name;
  }

  static std::optional<std::size_t> placeIn(const std::vector<std::string>& names, const std::string& name) {
    const auto it = std::ranges::find(names, name);
    if (it == names.end()) return std::nullopt;
    return static_cast<std::size_t>(it - names.begin());
  }

  std::size_t named(const std::string& name) {
    if (const auto it = std::find(locals_.rbegin(), locals_.rend(), name); it != locals_.rend())
      return add({Kind::Local, 0, static_cast<std::size_t>(locals_.rend() - it) - 1, {}});
    if (const auto slot = placeIn(names_.numbers, name)) return add({Kind::Name, 0, *slot, {}});
    if (const auto slot = placeIn(names_.lists, name)) {
      want("[");
      const std::size_t index = expression();
      want("]");
      return add({Kind::ListItem, 0, *slot, {index}});
    }
    if (const auto slot = placeIn(names_.operands, name)) return element(name, *slot);
    if (name == "pi") return add({Kind::Number, 3.14159265358979323846, 0, {}});
    if (name == "inf") return add({Kind::Number, std::numeric_limits<double>::infinity(), 0, {}});
    fail("there is nothing named '" + name + "' here; known are " + known());
  }

  std::string known() const {
    std::string list;
    for (const auto* names : {&names_.numbers, &names_.lists, &names_.operands})
      for (const std::string& name : *names) list += (list.empty() ? "" : ", ") + name;
    return list.empty() ? "functions and numbers only" : list;
  }

  std::size_t element(const std::string& name, std::size_t slot) {
    if (slot >= names_.readable)
      fail("elements of '" + name + "' are not known here; its shape is: extent(" + name + ", 0), rank(" +
           name + "), size(" + name + ")");
    std::vector<std::size_t> index;
    if (take("[")) {
      do index.push_back(expression());
      while (take(","));
      want("]");
    }
    return add({Kind::Element, 0, slot, std::move(index)});
  }

  std::size_t operandName() {
    const std::string name = takeName();
    if (const auto slot = placeIn(names_.operands, name)) return *slot;
    fail("'" + name + "' is no operand");
  }

  std::size_t call(const std::string& name) {
    static const std::pair<std::string_view, Kind> kFacts[] = {
        {"extent", Kind::Extent}, {"rank", Kind::Rank}, {"size", Kind::Size}, {"present", Kind::Present}};
    for (const auto& [fact, kind] : kFacts)
      if (name == fact) {
        ExpressionNode node{kind, 0, operandName(), {}};
        if (kind == Kind::Extent) want(","), node.children.push_back(expression());
        want(")");
        return add(std::move(node));
      }
    static const std::pair<std::string_view, Kind> kSums[] = {
        {"sum", Kind::Sum}, {"product", Kind::Product}, {"largest", Kind::Largest}, {"least", Kind::Least}};
    for (const auto& [sum, kind] : kSums)
      if (name == sum) return reduction(kind);
    const std::size_t place = findExpressionFunction(name);
    if (place == expressionFunctions().size() || name == "negative" || name == "not")
      fail("there is no function named '" + name + "'");
    return functionCall(name, place);
  }

  // sum(k, from, to, value)
  std::size_t reduction(Kind kind) {
    const std::string local = takeName();
    want(",");
    const std::size_t from = expression();
    want(",");
    const std::size_t to = expression();
    want(",");
    const std::size_t slot = locals_.size();
    locals_.push_back(local);
    code_.locals = std::max(code_.locals, locals_.size());
    const std::size_t body = expression();
    locals_.pop_back();
    want(")");
    return add({kind, 0, slot, {from, to, body}});
  }

  std::size_t functionCall(const std::string& name, std::size_t place) {
    std::vector<std::size_t> arguments;
    do arguments.push_back(expression());
    while (take(","));
    want(")");
    const std::size_t wanted = expressionFunctions()[place].arguments;
    if (arguments.size() != wanted)
      fail(name + " takes " + std::to_string(wanted) + (wanted == 1 ? " argument" : " arguments"));
    return add({Kind::Function, 0, place, std::move(arguments)});
  }

  std::string_view text_;
  const ExpressionNames& names_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::string> locals_;
  Expression::Code code_;
};

}  // namespace

Expression Expression::parse(std::string_view text, const ExpressionNames& names) {
  Expression expression;
  expression.code_ = std::make_shared<const Code>(Parser(text, names).run());
  return expression;
}

}  // namespace tessera
