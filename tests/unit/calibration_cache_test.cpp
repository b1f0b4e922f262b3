// Calibration caches: round trips, and every kind of damage named.
#include "tessera/calibration_cache.hpp"

#include <gtest/gtest.h>

#include "tessera/error.hpp"

namespace tessera {
namespace {

Calibration sample() {
  Calibration c;
  c.graphName = "my net";
  c.graphHash = 0x0123456789abcdefull;
  c.method = "auto";
  c.scales = {{"conv 1 out", 0.012345678f}, {"input", 1.0f / 127}, {"x/y:0", 3e-12f}};
  c.least = {{"conv 1 out", 0}, {"x/y:0", -0.2785f}};
  c.channelPeaks = {{"x/y:0", {0, 0.3f, 1e-40f}}};
  c.floatTensors = {"concat"};
  c.floatLayers = {"conv_last"};
  c.halfLayers = {"conv 3"};
  c.biasCorrection = {{"conv 1", {0.5f, -1e-9f}}};
  c.weightScales = {{"conv 2", {0.25f}}};
  c.weightSteps = {{"conv 1", {-1, -1, -1, 1, 1, 1, 0}}, {"conv 2", {0, 1, -1}}};
  return c;
}

void expectEqual(const Calibration& a, const Calibration& b) {
  EXPECT_EQ(a.scales, b.scales);
  EXPECT_EQ(a.graphHash, b.graphHash);
  EXPECT_EQ(a.graphName, b.graphName);
  EXPECT_EQ(a.least, b.least);
  EXPECT_EQ(a.channelPeaks, b.channelPeaks);
  EXPECT_EQ(a.floatTensors, b.floatTensors);
  EXPECT_EQ(a.floatLayers, b.floatLayers);
  EXPECT_EQ(a.halfLayers, b.halfLayers);
  EXPECT_EQ(a.biasCorrection, b.biasCorrection);
  EXPECT_EQ(a.weightScales, b.weightScales);
  EXPECT_EQ(a.weightSteps, b.weightSteps);
}

std::string refusal(const std::string& text) {
  try {
    parseAnyCalibration(text, "my.cache");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::BadCache);
    return e.what();
  }
  return "accepted";
}

TEST(CalibrationCache, RoundTripsToTheBit) {
  expectEqual(parseCalibration(calibrationText(sample()), "text"), sample());
  EXPECT_EQ(calibrationText(parseCalibration(calibrationText(sample()), "text")), calibrationText(sample()));
}

TEST(CalibrationCache, TensorrtTextRoundTrips) {
  const std::string text = "TRT-8601-EntropyCalibration2\ninput: 3c010a14\nconv1/out: 3d4ccccd\n";
  const Calibration c = parseAnyCalibration(text, "trt.cache");
  EXPECT_FLOAT_EQ(c.scales.at("conv1/out"), 0.05f);
  EXPECT_FLOAT_EQ(c.scales.at("input"), 0.007875938f);
  EXPECT_EQ(parseTensorrtCache(tensorrtCacheText(c), "again").scales, c.scales);
}

TEST(CalibrationCache, NamesFileLineAndReason) {
  const std::string good = calibrationText(sample());
  EXPECT_NE(refusal("").find("my.cache"), std::string::npos);
  EXPECT_NE(refusal("hello\n").find("line 1"), std::string::npos);
  EXPECT_NE(refusal(good.substr(0, good.size() - 4)).find("cut off"), std::string::npos);
  for (const char* scale : {"0", "-1", "inf", "nan", "1e60", "x", ""}) {
    const std::string text = "tessera-calibration 1\nscale " + std::string(scale) + " conv1\nend\n";
    EXPECT_NE(refusal(text).find("line 2"), std::string::npos) << scale << ": " << refusal(text);
  }
  EXPECT_NE(refusal("tessera-calibration 1\nscale 0.1 a\nscale 0.2 a\nend\n").find("two scales"),
            std::string::npos);
  for (const char* scale : {"7f800000", "00000000", "0"}) {
    const std::string text = "TRT-8601-EntropyCalibration2\nconv1: " + std::string(scale) + "\n";
    EXPECT_NE(refusal(text).find("no scale"), std::string::npos) << refusal(text);
  }
  for (const char* scale : {"", "3c010a140", "3g", "-1"}) {
    const std::string text = "TRT-8601-EntropyCalibration2\nconv1: " + std::string(scale) + "\n";
    EXPECT_NE(refusal(text).find("line 2"), std::string::npos) << refusal(text);
  }
}

// As TensorRT writes constants and tensors that nobody reads.
TEST(CalibrationCache, TensorrtScalesOfNoUseCountWhereTheyAreNeeded) {
  const Calibration c = parseAnyCalibration(
      "TRT-8601-EntropyCalibration2\nconst: 0\nx: 3c010a14\nold: 7f800000\nt: 1\n", "trt");
  EXPECT_EQ(c.scales.size(), 2u);
  EXPECT_EQ(c.scales.at("t"), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(c.scales.count("const") + c.scales.count("old"), 0u);
}

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = calibrationText(sample());
  EXPECT_NE(text.find(from), std::string::npos) << from;
  return text.replace(text.find(from), from.size(), to);
}

TEST(CalibrationCache, SaysWhatNetworkItBelongsTo) {
  const std::string graph = "graph 0123456789abcdef my net\n";
  for (const char* bad :
       {"", "graph\n", "graph  my net\n", "graph 0 my net\n", "graph 0000000000000000 my net\n",
        "graph 0123456789abcde my net\n", "graph 0123456789abcdeg my net\n",
        "graph -123456789abcdef my net\n", "graph 0123456789abcdef0 my net\n"})
    EXPECT_NE(refusal(replaced(graph, bad)), "accepted") << bad;
  EXPECT_NE(refusal(replaced(graph, "")).find("'graph'"), std::string::npos);
}

TEST(CalibrationCache, EveryKeyIsThereOnce) {
  for (const char* line :
       {"graph 0123456789abcdef my net\n", "method auto\n", "channel-peaks 3 0 0.3 1e-40 x/y:0\n",
        "least -0.2785 x/y:0\n", "float-tensor concat\n", "float-layer conv_last\n", "half-layer conv 3\n",
        "weight-scales 1 0.25 conv 2\n", "weight-steps 3 p conv 2\n", "bias 2 0.5 -1e-09 conv 1\n"})
    EXPECT_NE(refusal(replaced(line, std::string(line) + line)).find("line"), std::string::npos) << line;
}

TEST(CalibrationCache, ListsHoldWhatTheirKindMayBe) {
  for (const char* scale : {"0", "-0.25", "nan", "inf", "-inf", "1e60", "", "x"})
    EXPECT_NE(refusal(replaced("weight-scales 1 0.25", std::string("weight-scales 1 ") + scale)), "accepted")
        << scale;
  for (const char* peak : {"-0.3", "nan", "inf"})
    EXPECT_NE(refusal(replaced("3 0 0.3 ", std::string("3 0 ") + peak + " ")), "accepted") << peak;
  for (const char* least : {"0.5", "nan", "-inf", "x", ""})
    EXPECT_NE(refusal(replaced("least -0.2785", std::string("least ") + least)), "accepted") << least;
  for (const char* bias : {"nan", "inf"})
    EXPECT_NE(refusal(replaced("bias 2 0.5", std::string("bias 2 ") + bias)), "accepted") << bias;
  for (const char* count : {"0", "-1", "nan", "1e30", "99999999999", "1.5", "1048577", ""})
    EXPECT_NE(refusal(replaced("bias 2 ", std::string("bias ") + count + " ")), "accepted") << count;
}

TEST(CalibrationCache, StepsOfWeightsAreAsManyAsTheySay) {
  const std::string line = "weight-steps 3 p conv 2\n";
  for (const char* bad :
       {"weight-steps 3 P conv 2\n", "weight-steps 4 p conv 2\n", "weight-steps 0 p conv 2\n",
        "weight-steps 3 pp conv 2\n", "weight-steps -3 p conv 2\n", "weight-steps 3 p\n",
        "weight-steps 3 p \n", "weight-steps\n", "weight-steps 3  conv 2\n",
        "weight-steps 18446744073709551615 p conv 2\n"})
    EXPECT_NE(refusal(replaced(line, bad)), "accepted") << bad;
  EXPECT_NE(refusal(replaced(line, "weight-steps 4 p conv 2\n")).find("'conv 2'"), std::string::npos);
}

TEST(CalibrationCache, EditorsMayChangeLineEndsAndMarkTheText) {
  std::string text = calibrationText(sample()), windows;
  for (const char c : text) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  expectEqual(parseAnyCalibration("\xef\xbb\xbf" + windows, "text"), sample());
  const std::string tensorrt = "\xef\xbb\xbfTRT-8601-EntropyCalibration2\r\ninput: 3c010a14\r\n";
  EXPECT_EQ(parseAnyCalibration(tensorrt, "trt").scales.size(), 1u);
  EXPECT_NE(refusal(std::string("\xff\xfet\0e\0", 6)).find("UTF-16"), std::string::npos);
}

TEST(CalibrationCache, SurvivesEveryTruncationAndFlippedByte) {
  const std::string good = calibrationText(sample());
  for (std::size_t n = 0; n + 1 < good.size(); ++n) {
    EXPECT_NE(refusal(good.substr(0, n)), "accepted") << n;
    std::string flipped = good;
    flipped[n] = static_cast<char>(flipped[n] ^ 0x15);
    try {
      parseAnyCalibration(flipped,
                          "flipped");  // some flips leave a valid text (a digit, a name): only no crash
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace tessera
