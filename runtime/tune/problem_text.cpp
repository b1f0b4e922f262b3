// Reading the text of problems back: records and the worker process hold nothing else.
#include <charconv>

#include "tune/problem.hpp"

namespace tessera {
namespace {

[[noreturn]] void fail(std::string_view text, const std::string& why) {
  throw Error(ErrorCode::BadCache, "not the text of a problem (" + why + "): '" + std::string(text) + "'");
}

template <class T>
bool parseAll(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

template <class T>
T numberOf(std::string_view text) {
  T value{};
  if (!parseAll(text, value)) fail(text, "a number was expected");
  return value;
}

// Splits at `separator` where it is not inside brackets.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && (text[i] == '[' || text[i] == '(')) ++depth;
    if (i < text.size() && (text[i] == ']' || text[i] == ')')) --depth;
    if (i == text.size() || (text[i] == separator && depth == 0)) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  return parts;
}

AttributeValue parseValue(std::string_view text) {
  std::int64_t whole = 0;
  double number = 0;
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    std::vector<std::int64_t> integers;
    std::vector<double> numbers;
    for (const auto part : split(text.substr(1, text.size() - 2), ',')) {
      if (parseAll(part, whole)) integers.push_back(whole);
      numbers.push_back(numberOf<double>(part));
    }
    if (integers.size() == numbers.size()) return integers;
    return numbers;
  }
  if (parseAll(text, whole)) return whole;
  if (parseAll(text, number)) return number;
  return std::string(text);
}

TensorDesc parseOperand(std::string_view text) {
  TensorDesc t;
  if (text == "-") return t;
  const auto parts = split(text, ':');
  if (parts.size() < 2) fail(text, "an operand has a type and a shape");
  try {
    t.type = parseDataType(parts[0]);
  } catch (const Error& e) {
    fail(text, e.what());
  }
  if (parts[1] != "scalar")
    for (const auto extent : split(parts[1], 'x')) {
      t.shape.push_back(numberOf<std::int64_t>(extent));
      if (t.shape.back() < 0 || t.shape.back() > std::int64_t{1} << 31)
        fail(text, "an extent is out of range");
    }
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const char kind = parts[i].empty() ? ' ' : parts[i][0];
    const auto value = parts[i].substr(parts[i].empty() ? 0 : 1);
    if (kind == 'b')
      t.layout.block = numberOf<int>(value);
    else if (kind == 'o')
      t.layout.offset = numberOf<std::int64_t>(value);
    else if (kind == 's')
      t.layout.batchStride = numberOf<std::int64_t>(value);
    else if (parts[i] == "c")
      t.constant = true;
    else
      fail(text, "an unknown mark");
  }
  if (t.layout.block < 1 || t.layout.block > 64) fail(text, "a channel block is out of range");
  return t;
}

}  // namespace

OpView parseOpView(std::string_view text) {
  OpView view;
  const auto brace = text.find('{'), end = text.find("}(");
  const auto arrow = text.rfind(")->(");
  if (brace == std::string_view::npos || end == std::string_view::npos || arrow == std::string_view::npos ||
      end < brace || arrow < end + 1 || text.back() != ')')
    fail(text, "it is not op{attributes}(inputs)->(outputs)");
  view.op = text.substr(0, brace);
  if (!findOperator(view.op)) fail(text, "there is no such operator");
  for (const auto attribute : split(text.substr(brace + 1, end - brace - 1), ' ')) {
    const auto equals = attribute.find('=');
    if (equals == std::string_view::npos) fail(text, "an attribute has no value");
    view.attrs.set(std::string(attribute.substr(0, equals)), parseValue(attribute.substr(equals + 1)));
  }
  for (const auto operand : split(text.substr(end + 2, arrow - end - 2), ','))
    view.inputs.push_back(parseOperand(operand));
  for (const auto operand : split(text.substr(arrow + 4, text.size() - arrow - 5), ','))
    view.outputs.push_back(parseOperand(operand));
  return view;
}

}  // namespace tessera
