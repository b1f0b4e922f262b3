// Calibration caches, tuning records, the lines of shipped tactics, and plans.
#include <stdexcept>

#include "clkernels/embedded.hpp"
#include "plan/plan.pb.h"
#include "plan/plan_network.hpp"
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

// A plan's network, behind the checksums that a damaged file meets first. Constants are 256 bytes whatever it
// says.
void readPlanNetwork(std::string_view bytes) {
  static const std::vector<std::byte> constants(256, std::byte{0x3c});
  using Written = std::pair<std::string, std::vector<std::byte>>;
  const auto write = [](const Plan& plan) {
    const NetworkSections sections = networkSections(plan);
    Written written{sections.network, {}};
    sections.constants.each([&](std::string_view piece) {
      const auto* begin = reinterpret_cast<const std::byte*>(piece.data());
      written.second.insert(written.second.end(), begin, begin + piece.size());
    });
    return written;
  };
  const Written once = write(parseNetwork(bytes, constants, nullptr));
  if (write(parseNetwork(once.first, once.second, nullptr)) != once)
    throw std::logic_error("written and read again, the plan is another");
}

std::string mutatePlanNetwork(std::string_view bytes, Random& random) {
  tessera_plan::Network network;
  network.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  for (std::size_t n = 1 + random.below(3); n > 0; --n) mutateMessage(network, random);
  return network.SerializeAsString();
}

std::vector<std::string> planNetworks() {
  Plan plan;
  plan.name = "net\xff";  // names need not be UTF-8
  plan.description = "{}";
  Graph& g = plan.graph;
  g.name = plan.name;
  const TensorId x = g.addInput("x", DataType::Float32, {1, 2, 4, 4});
  const TensorId w = g.addConstant("w\xfe", HostTensor(DataType::Float16, {3, 2, 1, 1}));
  const TensorId half = g.add("Cast", "cast", {x}, {{"to", std::string("f16")}});
  const TensorId c = g.add("Convolution", "conv", {half, w, kNoTensor},
                           {{"activation", std::string("LeakyRelu")}, {"alpha", 0.1}});
  g.markOutput(g.add("Reshape", "flat", {c}, {{"shape", std::vector<std::int64_t>{1, 48}}}, {"y"}));
  plan.precision = Precision::Fp16;
  plan.precisions = {{"conv", "Convolution", Precision::Fp16, "half", 96}};
  plan.counted = {{"y", 1, "y", false}};
  return {networkSections(plan).network};
}

std::vector<std::string> calibrations() {
  Calibration c;
  c.graphName = "net";
  c.graphHash = 0x0123456789abcdefull;
  c.method = "auto";
  c.scales = {{"conv 1", 0.0125f}, {"input", 1.0f / 127}, {"x/y:0", 3e-12f}};
  c.halfLayers = {"conv 3"};
  c.least = {{"x/y:0", -0.25f}};
  c.channelPeaks = {{"x/y:0", {0, 0.5f, 1e-40f}}};
  c.floatTensors = {"concat"};
  c.floatLayers = {"last"};
  c.biasCorrection = {{"conv 1", {0.5f, -1e-9f}}};
  c.weightScales = {{"conv 2", {0.25f, 0.5f}}};
  c.weightSteps = {{"conv 2", {0, -1, 1, 0, 1}}};
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
          {"defaults", readDefaults, defaults},
          {"plan_network", readPlanNetwork, planNetworks, mutatePlanNetwork}};
}

}  // namespace tessera::test
