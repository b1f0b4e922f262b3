// Reading and writing calibration caches.
#include "tessera/calibration_cache.hpp"

#include <spdlog/logger.h>

#include <bit>
#include <charconv>
#include <cmath>

#include "base/hex.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace {

constexpr std::string_view kMagic = "tessera-calibration 1";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // editors put it before UTF-8

std::string number(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

class Lines {
 public:
  Lines(std::string_view text, const std::string& source) : text_(text), source_(source) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
    if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff"))
      throw Error(ErrorCode::BadCache, source_ + " is text in UTF-16; save it as UTF-8");
  }
  bool next(std::string_view& line) {
    while (!text_.empty()) {
      const auto end = text_.find('\n');
      line = text_.substr(0, end);
      text_ = end == std::string_view::npos ? std::string_view{} : text_.substr(end + 1);
      ++number_;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (!line.empty()) return true;
    }
    return false;
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::BadCache, source_ + ", line " + std::to_string(number_) + ": " + why);
  }

 private:
  std::string_view text_;
  const std::string& source_;
  int number_ = 0;
};

// Splits the next blank-separated word off.
std::string_view word(std::string_view& rest) {
  const auto end = rest.find(' ');
  const std::string_view head = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return head;
}

float parseFloat(std::string_view text, const Lines& lines) {
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    lines.fail("'" + std::string(text) + "' is no number");
  return value;
}

void checkScale(float scale, std::string_view tensor, const Lines& lines) {
  if (tensor.empty()) lines.fail("a scale without a tensor's name");
  if (!std::isfinite(scale) || !(scale > 0))
    lines.fail("the scale of tensor '" + std::string(tensor) + "' is " + number(scale) +
               "; it must be positive and finite");
}

void addScale(Calibration& calibration, float scale, std::string_view tensor, const Lines& lines) {
  checkScale(scale, tensor, lines);
  if (!calibration.scales.emplace(tensor, scale).second)
    lines.fail("tensor '" + std::string(tensor) + "' has two scales");
}

void addLeast(Calibration& calibration, float least, std::string_view tensor, const Lines& lines) {
  if (tensor.empty()) lines.fail("a least value without a tensor's name");
  if (!std::isfinite(least) || least > 0)
    lines.fail("the least value of tensor '" + std::string(tensor) + "' is " + number(least) +
               "; it must be finite and not above 0");
  if (!calibration.least.emplace(tensor, least).second)
    lines.fail("tensor '" + std::string(tensor) + "' has two least values");
}

template <class T>
T integerOf(std::string_view digits, int base, const Lines& lines) {
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size())
    lines.fail("'" + std::string(digits) + "' is no " + (base == 16 ? "hexadecimal number" : "number"));
  return value;
}

enum class Sign { Any, NotNegative, Positive };

std::vector<float> floats(std::string_view& rest, Sign sign, const Lines& lines) {
  const auto count = integerOf<int>(word(rest), 10, lines);
  if (count < 1 || count > (1 << 20)) lines.fail("a list of impossible length");
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    const float value = parseFloat(word(rest), lines);
    if (!std::isfinite(value)) lines.fail("a value is not finite");
    if (sign != Sign::Any && value < 0) lines.fail("the value " + number(value) + " is negative");
    if (sign == Sign::Positive && !(value > 0)) lines.fail("the value 0 must be positive");
    values.push_back(value);
  }
  if (rest.empty()) lines.fail("a list without a name");
  return values;
}

// Lists of one kind by name.
void addList(std::map<std::string, std::vector<float>>& lists, std::string_view kind, std::string_view rest,
             Sign sign, const Lines& lines) {
  auto values = floats(rest, sign, lines);
  if (!lists.emplace(rest, std::move(values)).second)
    lines.fail("'" + std::string(rest) + "' has two records '" + std::string(kind) + "'");
}

// Three steps a character: 9 a + 3 b + c of steps less their least, -1. The last character may stand for
// fewer.
constexpr std::string_view kThreeSteps = "abcdefghijklmnopqrstuvwxyz+";
constexpr std::size_t kStepsAtMost = std::size_t{1} << 32;

void addSteps(Calibration& calibration, std::string_view rest, const Lines& lines) {
  const auto count = integerOf<std::size_t>(word(rest), 10, lines);
  const std::string_view text = word(rest);
  if (rest.empty()) lines.fail("steps of weights without a layer's name");
  if (count < 1 || count > kStepsAtMost || text.size() != (count + 2) / 3)
    lines.fail("layer '" + std::string(rest) + "' has " + std::to_string(count) + " steps in " +
               std::to_string(text.size()) + " characters, of which each stands for three");
  std::vector<std::int8_t> steps;
  steps.reserve(count + 2);
  for (const char character : text) {
    const auto place = kThreeSteps.find(character);
    if (place == std::string_view::npos)
      lines.fail("'" + std::string(1, character) + "' stands for no steps of weights");
    for (const std::size_t unit : {9, 3, 1})
      steps.push_back(static_cast<std::int8_t>(static_cast<int>(place / unit % 3) - 1));
  }
  steps.resize(count);
  if (!calibration.weightSteps.emplace(rest, std::move(steps)).second)
    lines.fail("'" + std::string(rest) + "' has two records 'weight-steps'");
}

std::string stepsLine(const std::vector<std::int8_t>& steps, const std::string& name) {
  std::string line = "weight-steps " + std::to_string(steps.size()) + " ";
  for (std::size_t i = 0; i < steps.size(); i += 3) {
    std::size_t place = 0;
    for (std::size_t k = i; k < i + 3; ++k)
      place = 3 * place + (k < steps.size() ? static_cast<std::size_t>(steps[k] + 1) : 1);
    line += kThreeSteps.at(place);
  }
  return line + " " + name + "\n";
}

void addName(std::set<std::string>& names, std::string_view kind, std::string_view name, const Lines& lines) {
  if (name.empty()) lines.fail("a record '" + std::string(kind) + "' without a name");
  if (!names.emplace(name).second)
    lines.fail("'" + std::string(name) + "' has two records '" + std::string(kind) + "'");
}

// What tells networks apart: without it, scales of another one with the same names would be taken.
void setGraph(Calibration& c, std::string_view rest, const Lines& lines) {
  if (c.graphHash != 0) lines.fail("the record 'graph' is there twice");
  const std::string_view digits = word(rest);
  if (digits.size() != 16)
    lines.fail("the graph's hash has " + std::to_string(digits.size()) + " digits instead of 16");
  c.graphHash = integerOf<std::uint64_t>(digits, 16, lines);
  if (c.graphHash == 0) lines.fail("the graph's hash is 0: it stands for no network");
  c.graphName = rest;
}

void addRecord(Calibration& c, std::string_view kind, std::string_view rest, const Lines& lines) {
  if (kind == "graph") {
    setGraph(c, rest, lines);
  } else if (kind == "method") {
    if (!c.method.empty()) lines.fail("the record 'method' is there twice");
    c.method = rest;
  } else if (kind == "scale") {
    const float scale = parseFloat(word(rest), lines);
    addScale(c, scale, rest, lines);
  } else if (kind == "least") {
    addLeast(c, parseFloat(word(rest), lines), rest, lines);
  } else if (kind == "float-tensor") {
    addName(c.floatTensors, kind, rest, lines);
  } else if (kind == "float-layer") {
    addName(c.floatLayers, kind, rest, lines);
  } else if (kind == "half-layer") {
    addName(c.halfLayers, kind, rest, lines);
  } else if (kind == "bias") {
    addList(c.biasCorrection, kind, rest, Sign::Any, lines);
  } else if (kind == "weight-scales") {
    addList(c.weightScales, kind, rest, Sign::Positive, lines);
  } else if (kind == "weight-steps") {
    addSteps(c, rest, lines);
  } else if (kind == "channel-peaks") {
    addList(c.channelPeaks, kind, rest, Sign::NotNegative, lines);
  } else {
    lines.fail("unknown record '" + std::string(kind) + "'");
  }
}

std::string listLine(const char* kind, const std::vector<float>& values, const std::string& name) {
  std::string line = std::string(kind) + " " + std::to_string(values.size());
  for (const float v : values) line += " " + number(v);
  return line + " " + name + "\n";
}

}  // namespace

std::string calibrationText(const Calibration& c) {
  std::string out = std::string(kMagic) + "\n";
  out += "graph " + hexText(c.graphHash) + " " + c.graphName + "\nmethod " + c.method + "\n";
  for (const auto& [name, scale] : c.scales) out += "scale " + number(scale) + " " + name + "\n";
  for (const auto& [name, least] : c.least) out += "least " + number(least) + " " + name + "\n";
  for (const auto& [name, values] : c.channelPeaks) out += listLine("channel-peaks", values, name);
  for (const auto& name : c.floatTensors) out += "float-tensor " + name + "\n";
  for (const auto& name : c.floatLayers) out += "float-layer " + name + "\n";
  for (const auto& name : c.halfLayers) out += "half-layer " + name + "\n";
  for (const auto& [name, values] : c.weightScales) out += listLine("weight-scales", values, name);
  for (const auto& [name, steps] : c.weightSteps) out += stepsLine(steps, name);
  for (const auto& [name, values] : c.biasCorrection) out += listLine("bias", values, name);
  return out + "end\n";
}

Calibration parseCalibration(std::string_view text, const std::string& source) {
  Lines lines(text, source);
  std::string_view line;
  if (!lines.next(line) || line != kMagic)
    lines.fail("not a calibration cache: it begins otherwise than '" + std::string(kMagic) + "'");
  Calibration c;
  bool ended = false;
  while (lines.next(line)) {
    if (ended) lines.fail("text after the end");
    std::string_view rest = line;
    const std::string_view kind = word(rest);
    if (kind == "end")
      ended = true;
    else
      addRecord(c, kind, rest, lines);
  }
  if (!ended) lines.fail("the file is cut off: it lacks its last line 'end'");
  if (c.graphHash == 0) lines.fail("it has no record 'graph', which says what network it was made for");
  return c;
}

std::string tensorrtCacheText(const Calibration& c) {
  const std::string algorithm = c.method == "minmax" ? "MinMaxCalibration" : "EntropyCalibration2";
  std::string out = "TRT-8601-" + algorithm + "\n";
  for (const auto& [name, scale] : c.scales)
    out += name + ": " + hexText(std::bit_cast<std::uint32_t>(scale), 8) + "\n";
  return out;
}

Calibration parseTensorrtCache(std::string_view text, const std::string& source) {
  Lines lines(text, source);
  std::string_view line;
  if (!lines.next(line) || line.rfind("TRT-", 0) != 0)
    lines.fail("not a TensorRT calibration cache: it begins otherwise than 'TRT-'");
  Calibration c;
  c.method = line;
  int unusable = 0;
  std::string first;
  // Leading zeros may be left out: "name: 0" is how TensorRT writes constants and tensors nobody reads.
  while (lines.next(line)) {
    const auto colon = line.rfind(": ");
    const std::string_view digits = colon == std::string_view::npos ? "" : line.substr(colon + 2);
    std::uint32_t bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    if (digits.empty() || digits.size() > 8 || error != std::errc{} || end != digits.data() + digits.size())
      lines.fail("expected 'name: 1 to 8 hex digits'");
    const float scale = std::bit_cast<float>(bits);
    if (std::isfinite(scale) && scale > 0)
      addScale(c, scale, line.substr(0, colon), lines);
    else if (unusable++ == 0)
      first = line.substr(0, colon);
  }
  if (unusable)
    log().warn("{}: {} scales are zero, negative, infinite or NaN and left out, that of '{}' for one", source,
               unusable, first);
  if (c.scales.empty()) lines.fail("it holds no scale that is positive and finite");
  return c;
}

Calibration parseAnyCalibration(std::string_view text, const std::string& source) {
  const std::string_view begin = text.substr(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  return begin.starts_with("TRT-") ? parseTensorrtCache(text, source) : parseCalibration(text, source);
}

}  // namespace tessera
