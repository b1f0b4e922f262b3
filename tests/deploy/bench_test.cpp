// tessera bench: profiles, traces, comparisons, streams, energy and accuracy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/imgcodecs.hpp>

#include "apps/tessera/energy.hpp"
#include "tests/apps/program.hpp"

namespace tessera {

namespace fs = std::filesystem;
namespace {

using app::Json;
using app::readJson;
using test::Folder;
using test::runProgram;
using testing::HasSubstr;

// A convolution with batch normalisation and ReLU, which become one layer, and a max pool.
std::string writeNetwork(const fs::path& folder) {
  test::writeText(
      folder / "net.prototxt",
      "name: \"fused\" input: \"image\" input_dim: 1 input_dim: 3 input_dim: 24 input_dim: 32\n"
      "layer { name: \"conv\" type: \"Convolution\" bottom: \"image\" top: \"conv\"\n"
      "  convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }\n"
      "layer { name: \"scale\" type: \"Power\" bottom: \"conv\" top: \"scale\" power_param { scale: 2 } }\n"
      "layer { name: \"relu\" type: \"ReLU\" bottom: \"scale\" top: \"relu\" }\n"
      "layer { name: \"pool\" type: \"Pooling\" bottom: \"relu\" top: \"pool\"\n"
      "  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }\n");
  caffe::TrainedNet weights;
  auto* layer = weights.add_layer();
  layer->set_name("conv");
  auto* blob = layer->add_blobs();
  for (const int extent : {3, 3, 1, 1}) blob->mutable_shape()->add_dim(extent);
  for (int i = 0; i < 9; ++i) blob->add_data(static_cast<float>(i) - 4);
  test::writeText(folder / "net.caffemodel", weights.SerializeAsString());
  return (folder / "net.prototxt").string() + "," + (folder / "net.caffemodel").string();
}

class Bench : public testing::Test {
 protected:
  Folder folder;
  std::string model = writeNetwork(folder.path());
  std::string at(const std::string& name) const { return (folder / name).string(); }
  test::ProgramResult bench(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"bench", model, "--runs", "3"});
    return runProgram("tessera", arguments);
  }
};

const Json* layerNamed(const Json& layers, const std::string& name) {
  for (const Json& layer : layers)
    if (layer["name"] == name) return &layer;
  return nullptr;
}

TEST_F(Bench, ProfilesLayersAgainstCeilingsWithWhatWasFusedIntoThem) {
  const auto result = bench({"--profile", "--json", at("b.json"), "--chart", at("chart.png")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("of ops"));
  EXPECT_THAT(result.out, HasSubstr("with scale, relu"));
  const Json json = readJson(folder / "b.json");
  EXPECT_GT(json["profile"]["ceiling"]["gops"].get<double>(), 0);
  EXPECT_GT(json["profile"]["ceiling"]["gbps"].get<double>(), 0);
  EXPECT_EQ(json["profile"]["ceiling"]["by"], "fp32 fma");
  EXPECT_GE(json["profile"]["gaps_ms"].get<double>(), 0);
  EXPECT_GE(json["profile"]["span_ms"].get<double>(), json["profile"]["kernels_ms"].get<double>());
  const Json* conv = layerNamed(json["layers"], "conv");
  ASSERT_TRUE(conv);
  EXPECT_EQ((*conv)["members"], Json::array({"scale", "relu"}));
  EXPECT_NEAR((*conv)["gops_of_ceiling"].get<double>(),
              (*conv)["gops"].get<double>() / json["profile"]["ceiling"]["gops"].get<double>(), 1e-9);
  ASSERT_TRUE(layerNamed(json["layers"], "pool"));
  EXPECT_TRUE((*layerNamed(json["layers"], "pool"))["members"].empty());
  const cv::Mat chart = cv::imread(at("chart.png"));
  EXPECT_GT(chart.cols, 800);
  EXPECT_NE(cv::countNonZero(chart.reshape(1) != 255), 0) << "an empty picture";
}

TEST_F(Bench, WritesATraceWhoseLayersCoverTheirKernels) {
  ASSERT_EQ(bench({"--trace", at("trace.json"), "--json", at("b.json")}).code, 0);
  const Json trace = readJson(folder / "trace.json");
  std::map<std::string, std::pair<double, double>> layers;
  std::size_t kernels = 0;
  for (const Json& event : trace["traceEvents"])
    if (event["ph"] == "X" && event["tid"] == 1) {
      const double begin = event["ts"].get<double>();
      layers[event["name"].get<std::string>()] = {begin, begin + event["dur"].get<double>()};
      EXPECT_FALSE(event["args"]["family"].get<std::string>().empty());
    }
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "X" || event["tid"] != 2) continue;
    ++kernels;
    const auto layer = layers.find(event["args"]["layer"].get<std::string>());
    ASSERT_NE(layer, layers.end());
    EXPECT_GE(event["ts"].get<double>(), layer->second.first - 1e-6);
    EXPECT_LE(event["ts"].get<double>() + event["dur"].get<double>(), layer->second.second + 1e-6);
    EXPECT_GE(event["dur"].get<double>(), 0);
  }
  EXPECT_TRUE(layers.count("conv"));
  EXPECT_EQ(kernels, readJson(folder / "b.json")["profile"]["launches"].get<std::size_t>());
}

TEST_F(Bench, StreamsRunForAsLongAsTheyAreTold) {
  const auto result = bench({"--streams", "2", "--duration", "0.2", "--warmup", "1", "--json", at("b.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json json = readJson(folder / "b.json");
  EXPECT_EQ(json["streams"], 2);
  EXPECT_GE(json["seconds"].get<double>(), 0.2);
  EXPECT_GE(json["runs"].get<int>(), 2);
  EXPECT_NEAR(json["throughput"].get<double>(), json["runs"].get<double>() / json["seconds"].get<double>(),
              1e-6 * json["throughput"].get<double>());
  double last = 0;
  for (const char* key : {"min", "median", "p90", "p95", "p99", "p99_9", "max"}) {
    EXPECT_GE(json["latency_ms"][key].get<double>(), last) << key;
    last = json["latency_ms"][key].get<double>();
  }
  // Each of the five metrics is there, or the reason why it is not.
  for (const char* key : {"throughput", "efficiency", "latency_ms", "accuracy", "memory_bytes"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_TRUE(json["efficiency"].contains("joules_per_item") || json["efficiency"].contains("why_not"));
  EXPECT_TRUE(json["accuracy"].contains("why_not"));
}

TEST_F(Bench, AccuracyIsMeasuredAgainstFp32OrTakenFromAReport) {
  ASSERT_EQ(bench({"--precision", "fp16", "--accuracy", "fp32", "--json", at("b.json")}).code, 0);
  const double rms = readJson(folder / "b.json")["accuracy"]["outputs"]["pool"]["relative_rms"];
  EXPECT_GT(rms, 0) << "fp16 is not fp32";
  EXPECT_LT(rms, 1e-2);
  app::writeJson(folder / "report.json",
                 {{"model", "net.prototxt,net.caffemodel"}, {"precision", "fp32"}, {"miou", 0.75}});
  ASSERT_EQ(bench({"--accuracy", at("report.json"), "--json", at("b.json")}).code, 0);
  EXPECT_EQ(readJson(folder / "b.json")["accuracy"]["miou"], 0.75);
  const auto other = bench({"--precision", "fp16", "--accuracy", at("report.json")});
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, HasSubstr("precision is not 'fp16'"));
}

TEST_F(Bench, ComparesTwoReportsLayerByLayer) {
  const auto report = [&](const char* name, double conv, double pool, const char* more) {
    app::writeJson(
        folder / name,
        {{"latency_ms", {{"median", conv + pool}}},
         {"layers", Json::array({Json{{"name", "conv"}, {"ms", conv}}, Json{{"name", "pool"}, {"ms", pool}},
                                 Json{{"name", more}, {"ms", 0.1}}})}});
  };
  report("a.json", 2, 1, "gone");
  report("b.json", 3, 0.5, "new");
  const auto result =
      runProgram("tessera", {"bench", "--compare", at("a.json"), at("b.json"), "--json", at("c.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_LT(result.out.find("slower:"), result.out.find("conv "));
  EXPECT_LT(result.out.find("faster:"), result.out.find("pool "));
  const Json json = readJson(folder / "c.json");
  EXPECT_TRUE(json["layers"][0]["slower"].get<bool>());
  EXPECT_EQ(json["layers"][0]["name"], "conv");
  EXPECT_NEAR(json["latency_change_percent"].get<double>(), 100.0 / 6, 1e-6);
  EXPECT_EQ(json["only_a"], Json::array({"gone"}));
  EXPECT_EQ(json["only_b"], Json::array({"new"}));
  const auto slower = [&](const char* allowed) {
    return runProgram("tessera", {"bench", "--compare", at("a.json"), at("b.json"), "--slower-than", allowed})
        .code;
  };
  EXPECT_EQ(slower("20"), 0);
  EXPECT_EQ(slower("10"), 1);
  app::writeJson(folder / "no.json", Json::object());
  EXPECT_EQ(runProgram("tessera", {"bench", "--compare", at("a.json"), at("no.json")}).code, 1);
  EXPECT_EQ(runProgram("tessera", {"bench"}).code, 2);
  EXPECT_EQ(runProgram("tessera", {"bench", model, "--slower-than", "3"}).code, 2);
}

TEST(Energy, ProcessorsAreCountedByPackageAndCountersMayBeginAgain) {
  const Folder folder;
  const auto package = [&](const char* name, const char* energy) {
    test::writeText(folder / name / "energy_uj", energy);
    test::writeText(folder / name / "max_energy_range_uj", "10000000\n");
  };
  package("intel-rapl:0", "9000000\n");
  package("intel-rapl:1", "1000000\n");
  package("intel-rapl:0:0", "77\n");  // part of package 0
  auto source = app::raplMeter(folder.path());
  ASSERT_TRUE(source.meter) << source.why;
  EXPECT_EQ(source.meter->what(), "RAPL, 2 processor packages");
  EXPECT_EQ(source.meter->joules(), 0);
  package("intel-rapl:0", "1000000\n");  // 2 J, over the end
  package("intel-rapl:1", "1500000\n");  // 0.5 J
  EXPECT_NEAR(source.meter->joules(), 2.5, 1e-9);
  fs::remove(folder / "intel-rapl:1/energy_uj");
  EXPECT_THROW(source.meter->joules(), Error);
  EXPECT_THAT(app::raplMeter(folder.path()).why, HasSubstr("energy_uj can not be read"));
  EXPECT_THAT(app::raplMeter(folder / "none").why, HasSubstr("no energy counters"));
}

TEST(Energy, GpusAreAskedThroughALibraryThatNeedNotBeThere) {
  const std::string library = (test::binFolder() / "fake_nvml.so").string();
  auto source = app::nvmlMeter(library, "0000:17:00.0");
  ASSERT_TRUE(source.meter) << source.why;
  EXPECT_NEAR(source.meter->joules(), 1.5, 1e-9);
  EXPECT_NEAR(source.meter->joules(), 3.0, 1e-9);
  EXPECT_TRUE(app::nvmlMeter(library, "").meter);
  EXPECT_THAT(app::nvmlMeter(library, "0000:99:00.0").why, HasSubstr("Not Found"));
  EXPECT_THAT(app::nvmlMeter("libthere-is-none.so", "").why, HasSubstr("is not here"));
}

}  // namespace
}  // namespace tessera
