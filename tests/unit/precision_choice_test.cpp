// Precision by measured cost: the cut, the decision's text, and the tuner's way from times to a decision.
#include "tune/records/precision_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>
#include <thread>

#include "build/int8_networks.hpp"
#include "lower/precision.hpp"
#include "lower/precision_cut.hpp"
#include "tessera/log.hpp"
#include "tests/support/invented_device.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

TensorId addConvolution(Graph& g, const std::string& name, TensorId x, TensorId residual = kNoTensor) {
  std::mt19937 random(static_cast<unsigned>(name.size()));
  HostTensor w(DataType::Float32, {8, 8, 1, 1});
  for (float& v : w.as<float>()) v = std::uniform_real_distribution<float>(-1, 1)(random);
  std::vector<TensorId> inputs{x, g.addConstant(name + ".w", w)};
  if (residual != kNoTensor) inputs.insert(inputs.end(), {kNoTensor, residual});
  return g.add("Convolution", name, inputs);
}

// Convolutions, pools, sums and concats that read what came before at random.
Graph randomGraph(unsigned seed, int layers) {
  std::mt19937 random(seed);
  Graph g;
  std::vector<TensorId> tensors{g.addInput("x", DataType::Float32, {1, 8, 6, 6})};
  const auto any = [&] { return tensors[random() % tensors.size()]; };
  for (int i = 0; i < layers; ++i) {
    const std::string name = "layer" + std::to_string(i);
    switch (random() % 5) {
      case 0:
        tensors.push_back(g.add("Pool", name, {any()},
                                {{"kernel", std::vector<std::int64_t>{1, 1}}, {"mode", std::string("max")}}));
        break;
      case 1:
        tensors.push_back(g.add("Add", name, {any(), any()}));
        break;
      case 2:
        tensors.push_back(addConvolution(g, name, any(), any()));
        break;
      default:
        tensors.push_back(addConvolution(g, name, tensors.back()));
    }
  }
  g.markOutput(tensors.back());
  g.markOutput(tensors[tensors.size() / 2]);
  return g;
}

constexpr Precision kAll[] = {Precision::Fp32, Precision::Int8, Precision::Fp16};

// The least seconds of all choices that are allowed, one by one.
double leastSeconds(const Graph& graph, const PrecisionCosts& costs) {
  const std::size_t count = costs.layers.size();
  std::vector<std::size_t> digits(count, 0);
  double least = 1e9;
  for (bool more = true; more;) {
    std::vector<Precision> precisions;
    bool allowed = true;
    for (std::size_t i = 0; i < count; ++i) {
      precisions.push_back(kAll[digits[i]]);
      allowed = allowed && costs.layers[i].may(precisions[i]);
    }
    if (allowed) least = std::min(least, precisionSeconds(graph, costs, precisions));
    std::size_t i = 0;
    while (i < count && ++digits[i] == 3) digits[i++] = 0;
    more = i < count;
  }
  return least;
}

TEST(PrecisionCut, IsTheBestOfAllChoices) {
  std::array<int, 3> taken{};
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Graph graph = randomGraph(seed, 6);
    std::mt19937 random(seed + 1000);
    std::uniform_real_distribution<double> milliseconds(0.01, 1);
    // Conversions from next to nothing to as much as a layer.
    const double dear = 0.02 + 0.7 * (seed % 3) / 2;
    const bool half = seed % 4 != 0;
    PrecisionCosts costs;
    for (std::size_t i = 0; i < graph.layers().size(); ++i)
      costs.layers.push_back({milliseconds(random) * 1e-3, milliseconds(random) * 1e-3,
                              milliseconds(random) * 1e-3, random() % 6 != 0, half && random() % 6 != 0});
    for (std::size_t t = 0; t < graph.tensors().size(); ++t)
      costs.conversions.push_back({milliseconds(random) * dear * 1e-3, milliseconds(random) * dear * 1e-3});
    const auto cut = cheapestPrecisions(graph, costs);
    ASSERT_EQ(cut.size(), graph.layers().size());
    for (std::size_t i = 0; i < cut.size(); ++i) {
      EXPECT_TRUE(costs.layers[i].may(cut[i]));
      ++taken.at(static_cast<std::size_t>(cut[i]));
    }
    EXPECT_NEAR(precisionSeconds(graph, costs, cut), leastSeconds(graph, costs), 1e-12) << "seed " << seed;
  }
  for (const int times : taken) EXPECT_GT(times, 30) << "all three occur";
}

TEST(PrecisionCut, CountsConversionsAtTheBorders) {
  Graph g;
  const TensorId a = addConvolution(g, "a", g.addInput("x", DataType::Float32, {1, 8, 6, 6}));
  const TensorId b = addConvolution(g, "b", a);
  g.markOutput(addConvolution(g, "c", b));
  const auto f32 = Precision::Fp32, f16 = Precision::Fp16, i8 = Precision::Int8;
  PrecisionCosts costs;
  costs.layers = {{1, 2, 9, true, false}, {3, 2, 9, true, false}, {1, 2, 9, true, false}};
  costs.conversions.assign(g.tensors().size(), {0.25, 0.125});
  const auto seconds = [&](Precision x, Precision y, Precision z) {
    return precisionSeconds(g, costs, {x, y, z});
  };
  EXPECT_DOUBLE_EQ(seconds(f32, f32, f32), 6);
  EXPECT_DOUBLE_EQ(seconds(i8, i8, i8), 5.25) << "the input's conversion; the output is written in floats";
  EXPECT_DOUBLE_EQ(seconds(i8, f32, i8), 4.5) << "and that behind the layer in fp32";
  EXPECT_EQ(cheapestPrecisions(g, costs), (std::vector{i8, f32, i8}));
  costs.layers[1].fp16 = 0.5, costs.layers[1].mayFp16 = true;
  EXPECT_DOUBLE_EQ(seconds(i8, f16, i8), 3.25) << "two casts more, by way of floats; the first codes none";
  EXPECT_EQ(cheapestPrecisions(g, costs), (std::vector{i8, f16, i8}));
  EXPECT_DOUBLE_EQ(seconds(f16, f16, f16), 18.75) << "the input's cast and the output's";
  costs.conversions.assign(g.tensors().size(), {1.5, 1.5});
  EXPECT_EQ(cheapestPrecisions(g, costs), (std::vector{f32, f32, f32}));
}

TEST(PrecisionDecision, ReadsBackAndSaysWhy) {
  const PrecisionDecision decision{"cut", {{3, 0.12, 0.05}, {7, 0.01, -0.2}, {9, 0.1, 0.3}}, 13.25, 12.5};
  EXPECT_EQ(PrecisionDecision::parse("cut", decision.text()), decision);
  PrecisionDecision full = decision;
  full.full = true;
  EXPECT_EQ(PrecisionDecision::parse("cut", full.text()), full);
  EXPECT_EQ(PrecisionDecision::parse("cut", "2;1;3:0.5:0.25;"),
            (PrecisionDecision{"cut", {{3, 0.5, 0.25}}, 2, 1}));
  EXPECT_EQ(decision.reason(decision.kept[0]), "kept fp32: reformat 0.120 ms > gain 0.050 ms");
  EXPECT_EQ(decision.reason(decision.kept[1]), "kept fp32: 0.200 ms faster than INT8, reformat 0.010 ms");
  EXPECT_EQ(decision.reason(decision.kept[2]),
            "kept fp32: the whole network took 12.50 ms so, 13.25 ms with INT8");
  PrecisionDecision three{"cut", {{3, 0.12, 0.05, Precision::Fp16}, {7, 0.1, -0.2}}, 2, 1};
  three.kept.push_back({8, 0, -0.3, Precision::Fp32, Precision::Fp16});
  EXPECT_EQ(PrecisionDecision::parse("cut", three.text()), three);
  EXPECT_EQ(three.reason(three.kept[0]), "kept fp16: reformat 0.120 ms > gain 0.050 ms");
  EXPECT_EQ(three.reason(three.kept[2]), "kept fp32: 0.300 ms faster than fp16, reformat 0.000 ms");
  EXPECT_FALSE(PrecisionDecision::parse("other", decision.text()));
  for (const char* damaged : {"", "1", "1;2;3", "1;2;3:4", "1;2;x:1:1;", "1;2;-3:1:1;", "a;2;", "1;2;3:1:1;4",
                              "1;2;3:fp8:1:1;", "1;2;3:fp16:fp16:1:1;", "full", "full;", "full;full;1;2;"})
    EXPECT_FALSE(PrecisionDecision::parse("cut", damaged)) << damaged;
}

DeviceCaps cpu(const char* driver = "1.0") { return test::inventedCpu(false, driver); }

// Each operator takes its time.
class Times final : public CandidateRunner {
 public:
  Times(double int8, double fp32, double conversion, double seconds = 0)
      : int8_(int8), fp32_(fp32), conversion_(conversion), seconds_(seconds) {}
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
    std::vector<Trial> trials;
    for (const Candidate& c : candidates) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds_));
      const double ms = c.view.op == "QConvolution"  ? int8_
                        : c.view.op == "Convolution" ? fp32_
                                                     : conversion_;
      trials.push_back({Trial::Outcome::Good, ms, "", true});
    }
    return trials;
  }

 private:
  double int8_, fp32_, conversion_;
  double seconds_;  // that a trial takes
};

class TunerPrecision : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tessera-precision-XXXXXX";
    options_.folder = folder_ = mkdtemp(name);
    options_.mode = TuneMode::Fast;
    setLogger(std::make_shared<spdlog::logger>("test"));  // silent
    TensorId t = graph_.addInput("x", DataType::Float32, {1, 8, 6, 6});
    for (const char* layer : {"a", "b", "c"}) t = addConvolution(graph_, layer, t);
    graph_.markOutput(t);
    for (const auto& tensor : tensorsToCalibrate(graph_)) calibration_.scales[tensor] = 0.1f;
    networks_.emplace(graph_, calibration_, PrecisionOptions());
  }
  void TearDown() override {
    setLogger(nullptr);
    fs::remove_all(folder_);
  }
  Tuner tuner(Times times, const char* driver = "1.0") {
    return {Device(nullptr), cpu(driver), options_, std::make_unique<Times>(times)};
  }
  std::vector<PrecisionDecision> decide(Tuner& t) {
    return t.precisions(graph_, networks_->byRules(), networks_->half());
  }

  fs::path folder_;
  TuneOptions options_;
  Graph graph_;
  Calibration calibration_;
  std::optional<Int8Networks> networks_;
};

TEST_F(TunerPrecision, KeepsNothingWhereInt8Pays) {
  Tuner t = tuner({1, 5, 0.1});
  const auto decisions = decide(t);
  ASSERT_EQ(decisions.size(), 2u) << "by the rules, and all in fp32; the cut is the rules'";
  EXPECT_EQ(decisions[0].name, "rules");
  EXPECT_TRUE(decisions[0].kept.empty());
  EXPECT_EQ(decisions[1].name, "fp32");
  EXPECT_EQ(decisions[1].kept.size(), 3u);
}

TEST_F(TunerPrecision, KeepsLayersWhoseGainConversionsEat) {
  Tuner t = tuner({4.5, 5, 20});
  const auto decisions = decide(t);
  ASSERT_EQ(decisions.back().name, "fp32");
  for (const KeptLayer& kept : decisions.back().kept) {
    EXPECT_NEAR(kept.gain, 0.5, 1e-9);
    EXPECT_GT(kept.reformat, kept.gain);
    EXPECT_THAT(decisions.back().reason(kept), testing::HasSubstr("> gain 0.500 ms"));
  }
  const Network network = networks_->decided(decisions.back());
  for (const LayerPrecision& layer : network.precisions) {
    EXPECT_NE(layer.precision, Precision::Int8);
    EXPECT_THAT(layer.reason, testing::HasSubstr("kept fp32: reformat"));
  }
  EXPECT_EQ(network.graph.text(), graph_.text());
}

TEST_F(TunerPrecision, ACutLeavesTheOtherLayersInInt8) {
  const PrecisionDecision decision{"cut", {{1, 0.4, 0.1}}, 2, 1};
  const Network network = networks_->decided(decision);
  EXPECT_EQ(network.precisions[0].precision, Precision::Int8);
  EXPECT_NE(network.precisions[1].precision, Precision::Int8);
  EXPECT_EQ(network.precisions[1].reason, "kept fp32: reformat 0.400 ms > gain 0.100 ms");
  EXPECT_EQ(network.precisions[2].precision, Precision::Int8);
  EXPECT_THROW(networks_->decided({"cut", {{99, 0, 0}}, 0, 0}), Error);
}

TEST_F(TunerPrecision, WeighsFp16WhereTheRestMayRunInIt) {
  PrecisionOptions options;
  options.rest = Precision::Fp16;
  networks_.emplace(graph_, calibration_, options);
  Tuner t = tuner({4.5, 5, 0.1});  // convolutions in half take as long as in fp32
  const auto decisions = decide(t);
  ASSERT_EQ(decisions.size(), 3u) << "by the rules, all in fp32, all in fp16";
  EXPECT_EQ(decisions[2].name, "fp16");
  ASSERT_EQ(decisions[2].kept.size(), 3u);
  for (const KeptLayer& kept : decisions[2].kept) EXPECT_EQ(kept.precision, Precision::Fp16);
  const Network network = networks_->decided(decisions[2]);
  for (const LayerPrecision& layer : network.precisions) {
    EXPECT_EQ(layer.precision, Precision::Fp16);
    EXPECT_THAT(layer.reason, testing::HasSubstr("kept fp16: "));
  }
  EXPECT_EQ(network.graph.text(), networks_->half()->graph.text());
  const Network mixed = networks_->decided({"cut", {{1, 0.1, 0.2, Precision::Fp16}}, 2, 1});
  EXPECT_EQ(mixed.precisions[0].precision, Precision::Int8);
  EXPECT_EQ(mixed.precisions[1].precision, Precision::Fp16);
  EXPECT_EQ(mixed.graph.tensor(mixed.graph.findTensor("b.w")).type, DataType::Float16);
  const Graph& rules = networks_->byRules().graph;
  t.recordPrecision(rules, Precision::Fp16, decisions[2]);
  EXPECT_EQ(t.known().recordedPrecision(rules, Precision::Fp16), decisions[2]);
  EXPECT_FALSE(t.known().recordedPrecision(rules, Precision::Fp32)) << "who wants no fp16 gets none";
}

TEST_F(TunerPrecision, TheDecisionIsRecordedAndTheLatestCounts) {
  const Graph& rules = networks_->byRules().graph;
  PrecisionDecision first{"cut", {{1, 0.4, 0.1}}, 2, 1}, second{"rules", {}, 3, 3};
  {
    Tuner t = tuner({1, 5, 0.1});
    EXPECT_FALSE(t.known().recordedPrecision(rules, Precision::Fp32));
    t.recordPrecision(rules, Precision::Fp32, first);
    EXPECT_EQ(t.known().recordedPrecision(rules, Precision::Fp32), first);
  }
  {
    Tuner t = tuner({1, 5, 0.1});
    EXPECT_EQ(t.known().recordedPrecision(rules, Precision::Fp32), first) << "a second process";
    t.recordPrecision(rules, Precision::Fp32, second);
    EXPECT_EQ(t.known().recordedPrecision(rules, Precision::Fp32), second);
  }
  EXPECT_FALSE(tuner({1, 5, 0.1}, "2.0").known().recordedPrecision(rules, Precision::Fp32))
      << "another driver: decided anew";
  options_.mode = TuneMode::Cached;
  EXPECT_EQ(tuner({1, 5, 0.1}, "2.0").known().recordedPrecision(rules, Precision::Fp32), second)
      << "but used where nothing is searched";
  options_.mode = TuneMode::Off;
  EXPECT_FALSE(tuner({1, 5, 0.1}).known().recordedPrecision(rules, Precision::Fp32));
}

TEST_F(TunerPrecision, FullDecidesAnewOnceAndTheEarlierDecisionRunsAgain) {
  const Graph& rules = networks_->byRules().graph;
  PrecisionDecision fast{"cut", {{1, 0.4, 0.1}}, 2, 1};
  tuner({1, 5, 0.1}).recordPrecision(rules, Precision::Fp32, fast);
  options_.mode = TuneMode::Full;
  {
    Tuner t = tuner({1, 5, 0.1});
    EXPECT_FALSE(t.known().recordedPrecision(rules, Precision::Fp32));
    const auto decisions = decide(t);
    ASSERT_EQ(decisions.size(), 3u) << "by the rules, all in fp32, and what Fast decided";
    EXPECT_EQ(decisions.back(), fast);
    PrecisionDecision full{"fp32", decisions[1].kept, 2, 1};
    full.full = true;
    t.recordPrecision(rules, Precision::Fp32, full);
  }
  for (const TuneMode mode : {TuneMode::Full, TuneMode::Fast, TuneMode::Cached}) {
    options_.mode = mode;
    const auto known = tuner({1, 5, 0.1}).known().recordedPrecision(rules, Precision::Fp32);
    ASSERT_TRUE(known) << toString(mode);
    EXPECT_EQ(known->name, "fp32");
  }
}

TEST_F(TunerPrecision, OneBudgetIsForBothPrecisionsAndWhatIsDecided) {
  options_.seconds = 1;
  options_.folder->clear();
  Tuner t(Device(nullptr), cpu(), options_, std::make_unique<Times>(4.5, 5, 0.1, 0.02));
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& decision : decide(t)) t.tune(networks_->decided(decision).graph);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 1.3);
  const auto fp32 = [](const TacticRecord& r) { return r.problem.rfind("Convolution", 0) == 0; };
  const auto int8 = [](const TacticRecord& r) { return r.problem.rfind("QConvolution", 0) == 0; };
  const auto& records = t.known().store().tactics();
  const auto inFp32 = std::count_if(records.begin(), records.end(), fp32);
  EXPECT_GT(inFp32, 3) << "the first does not take all";
  EXPECT_GT(std::count_if(records.begin(), records.end(), int8), 3);
  EXPECT_LT(t.raceSeconds() * static_cast<double>(decide(t).size() + 1), 0.16);
}

}  // namespace
}  // namespace tessera
