// Calibration caches, tuning records, and the lines of shipped tactics.
#include <stdexcept>

#include "clkernels/embedded.hpp"
#include "tessera/calibration_cache.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/invented_device.hpp"
#include "tune/defaults.hpp"
#include "tune/records/record_store.hpp"

namespace tessera::test {
namespace {

// Whatever is read can be written and gives the same text when it is read again.
template <typename Read, typename Write>
void readTwice(std::string_view bytes, Read read, Write write) {
  const std::string once = write(read(bytes));
  if (write(read(once)) != once) throw std::logic_error("written and read again, it is another: " + once);
}

void readCalibration(std::string_view bytes) {
  // TensorRT's caches do not say what network they belong to, so they are written as such again.
  const auto write = [](const Calibration& c) {
    return c.graphHash ? calibrationText(c) : tensorrtCacheText(c);
  };
  readTwice(
      bytes, [](std::string_view text) { return parseAnyCalibration(text, "input"); }, write);
}

void readRecords(std::string_view bytes) {
  RecordStore store({}, inventedCpu());
  store.merge(bytes);
  const std::string text = store.text();
  RecordStore again({}, inventedCpu());
  again.merge(text);
  if (again.text() != text) throw std::logic_error("written and read again, they are others: " + text);
}

void readDefaults(std::string_view bytes) {
  readTwice(bytes, DefaultLine::parse, [](const DefaultLine& line) { return line.text(); });
}

std::vector<std::string> calibrations() {
  Calibration c;
  c.graphName = "net";
  c.graphHash = 0x0123456789abcdefull;
  c.method = "auto";
  c.scales = {{"conv 1", 0.0125f}, {"input", 1.0f / 127}, {"x/y:0", 3e-12f}};
  c.channelPeaks = {{"x/y:0", {0, 0.5f, 1e-40f}}};
  c.floatTensors = {"concat"};
  c.floatLayers = {"last"};
  c.biasCorrection = {{"conv 1", {0.5f, -1e-9f}}};
  c.weightScales = {{"conv 2", {0.25f, 0.5f}}};
  return {calibrationText(c), tensorrtCacheText(c)};
}

std::vector<std::string> records() {
  std::string text;
  for (const char* tactic : {"TX=4,TK=2", "TX=8,TK=2", "TX=16"}) {
    TacticRecord record;
    record.family = "conv_direct/3";
    record.source = 0x1234;
    record.problem = "Convolution f32 1x3x8x8";
    record.device = inventedCpu().fingerprint();
    record.tactic = tactic;
    record.bad = std::string_view(tactic) == "TX=16";
    record.milliseconds = record.bad ? 0 : 1.5;
    if (record.bad) record.reason = "wrong at 3";
    text += lineOf(record) + "\n";
  }
  return {text};
}

std::vector<std::string> defaults() {
  std::vector<std::string> lines;
  for (const auto& [path, text] : embeddedFiles()) {
    if (!path.ends_with("defaults.txt") || lines.size() > 8) continue;
    for (std::size_t at = 0; at < text.size() && lines.size() <= 8;) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      at += line.size() + 1;
      if (!line.empty() && line[0] != '#') lines.push_back(line.substr(0, line.find('#')));
    }
  }
  return lines;
}

}  // namespace

std::vector<FuzzTarget> cacheTargets() {
  return {{"calibration", readCalibration, calibrations},
          {"records", readRecords, records},
          {"defaults", readDefaults, defaults}};
}

}  // namespace tessera::test
