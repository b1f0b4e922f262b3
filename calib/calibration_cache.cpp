// Reading and writing calibration caches.
#include "calib/calibration_cache.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <sstream>

#include "graph/hex.hpp"
#include "tessera/error.hpp"

namespace tessera {
namespace {

constexpr std::string_view kMagic = "tessera-calibration 1";

std::string number(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

class Lines {
 public:
  Lines(std::string_view text, const std::string& source) : text_(text), source_(source) {}
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

float floatOf(std::string_view text, const Lines& lines) {
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

std::vector<float> floats(std::string_view& rest, const Lines& lines) {
  const auto count = static_cast<int>(floatOf(word(rest), lines));
  if (count < 1 || count > (1 << 20)) lines.fail("a list of impossible length");
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(floatOf(word(rest), lines));
    if (!std::isfinite(values.back())) lines.fail("a value is not finite");
  }
  if (rest.empty()) lines.fail("a list without a layer's name");
  return values;
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
  for (const auto& [name, values] : c.channelPeaks) out += listLine("channel-peaks", values, name);
  for (const auto& name : c.floatTensors) out += "float-tensor " + name + "\n";
  for (const auto& name : c.floatLayers) out += "float-layer " + name + "\n";
  for (const auto& [name, values] : c.weightScales) out += listLine("weight-scales", values, name);
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
    if (kind == "graph") {
      const std::string_view digits = word(rest);
      if (std::from_chars(digits.data(), digits.data() + digits.size(), c.graphHash, 16).ptr !=
          digits.data() + digits.size())
        lines.fail("the graph's hash is not hexadecimal");
      c.graphName = rest;
    } else if (kind == "method") {
      c.method = rest;
    } else if (kind == "scale") {
      const float scale = floatOf(word(rest), lines);
      addScale(c, scale, rest, lines);
    } else if (kind == "float-tensor") {
      c.floatTensors.emplace(rest);
    } else if (kind == "float-layer") {
      c.floatLayers.emplace(rest);
    } else if (kind == "weight-scales" || kind == "bias" || kind == "channel-peaks") {
      auto values = floats(rest, lines);
      auto& lists = kind == "bias"            ? c.biasCorrection
                    : kind == "weight-scales" ? c.weightScales
                                              : c.channelPeaks;
      lists[std::string(rest)] = std::move(values);
    } else if (kind == "end") {
      ended = true;
    } else {
      lines.fail("unknown record '" + std::string(kind) + "'");
    }
  }
  if (!ended) lines.fail("the file is cut off: it lacks its last line 'end'");
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
  while (lines.next(line)) {
    const auto colon = line.rfind(": ");
    std::uint32_t bits = 0;
    if (colon == std::string_view::npos || line.size() != colon + 10 ||
        std::from_chars(line.data() + colon + 2, line.data() + line.size(), bits, 16).ptr !=
            line.data() + line.size())
      lines.fail("expected 'name: 8 hex digits'");
    addScale(c, std::bit_cast<float>(bits), line.substr(0, colon), lines);
  }
  if (c.scales.empty()) lines.fail("it holds no scale");
  return c;
}

Calibration parseAnyCalibration(std::string_view text, const std::string& source) {
  return text.rfind("TRT-", 0) == 0 ? parseTensorrtCache(text, source) : parseCalibration(text, source);
}

}  // namespace tessera
