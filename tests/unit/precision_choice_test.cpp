// Precision by measured cost: the cut, the decision's text, and the tuner's way from times to a decision.
#include "tune/records/precision_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <unistd.h>

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

TensorId convolution(Graph& g, const std::string& name, TensorId x, TensorId residual = kNoTensor) {
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
        tensors.push_back(convolution(g, name, any(), any()));
        break;
      default:
        tensors.push_back(convolution(g, name, tensors.back()));
    }
  }
  g.markOutput(tensors.back());
  g.markOutput(tensors[tensors.size() / 2]);
  return g;
}

TEST(PrecisionCut, IsTheBestOfAllChoices) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Graph graph = randomGraph(seed, 9);
    std::mt19937 random(seed + 1000);
    std::uniform_real_distribution<double> milliseconds(0.01, 1);
    PrecisionCosts costs;
    for (std::size_t i = 0; i < graph.layers().size(); ++i)
      costs.layers.push_back({milliseconds(random) * 1e-3, milliseconds(random) * 1e-3, random() % 6 != 0});
    for (std::size_t t = 0; t < graph.tensors().size(); ++t)
      costs.conversions.push_back(milliseconds(random) * 0.7e-3);
    const auto cut = cheapestPrecisions(graph, costs);
    ASSERT_EQ(cut.size(), graph.layers().size());
    double least = 1e9;
    for (unsigned bits = 0; bits < 1u << cut.size(); ++bits) {
      std::vector<bool> labels;
      bool allowed = true;
      for (std::size_t i = 0; i < cut.size(); ++i) {
        labels.push_back(bits >> i & 1);
        allowed = allowed && (!labels[i] || costs.layers[i].free);
      }
      if (allowed) least = std::min(least, precisionSeconds(graph, costs, labels));
    }
    for (std::size_t i = 0; i < cut.size(); ++i) EXPECT_TRUE(!cut[i] || costs.layers[i].free);
    EXPECT_NEAR(precisionSeconds(graph, costs, cut), least, 1e-12) << "seed " << seed;
  }
}

TEST(PrecisionCut, CountsConversionsAtTheBorders) {
  Graph g;
  const TensorId a = convolution(g, "a", g.addInput("x", DataType::Float32, {1, 8, 6, 6}));
  const TensorId b = convolution(g, "b", a);
  g.markOutput(convolution(g, "c", b));
  PrecisionCosts costs;
  costs.layers = {{1, 2, true}, {3, 2, true}, {1, 2, true}};
  costs.conversions.assign(g.tensors().size(), 0.25);
  const auto seconds = [&](bool x, bool y, bool z) { return precisionSeconds(g, costs, {x, y, z}); };
  EXPECT_DOUBLE_EQ(seconds(false, false, false), 6);
  EXPECT_DOUBLE_EQ(seconds(true, true, true), 5.25)
      << "the input's conversion; the output is written in floats";
  EXPECT_DOUBLE_EQ(seconds(true, false, true), 4.5) << "and that behind the layer in fp32";
  EXPECT_EQ(cheapestPrecisions(g, costs), (std::vector<bool>{true, false, true}));
  costs.conversions.assign(g.tensors().size(), 1.5);
  EXPECT_EQ(cheapestPrecisions(g, costs), (std::vector<bool>{false, false, false}));
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
  EXPECT_FALSE(PrecisionDecision::parse("other", decision.text()));
  for (const char* damaged : {"", "1", "1;2;3", "1;2;3:4", "1;2;x:1:1;", "1;2;-3:1:1;", "a;2;", "1;2;3:1:1;4",
                              "full", "full;", "full;full;1;2;"})
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
    for (const char* layer : {"a", "b", "c"}) t = convolution(graph_, layer, t);
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
    return t.precisions(graph_, networks_->byRules().graph, networks_->byRules().precisions);
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

TEST_F(TunerPrecision, TheDecisionIsRecordedAndTheLatestCounts) {
  const Graph& rules = networks_->byRules().graph;
  PrecisionDecision first{"cut", {{1, 0.4, 0.1}}, 2, 1}, second{"rules", {}, 3, 3};
  {
    Tuner t = tuner({1, 5, 0.1});
    EXPECT_FALSE(t.known().recordedPrecision(rules));
    t.recordPrecision(rules, first);
    EXPECT_EQ(t.known().recordedPrecision(rules), first);
  }
  {
    Tuner t = tuner({1, 5, 0.1});
    EXPECT_EQ(t.known().recordedPrecision(rules), first) << "a second process";
    t.recordPrecision(rules, second);
    EXPECT_EQ(t.known().recordedPrecision(rules), second);
  }
  EXPECT_FALSE(tuner({1, 5, 0.1}, "2.0").known().recordedPrecision(rules)) << "another driver: decided anew";
  options_.mode = TuneMode::Cached;
  EXPECT_EQ(tuner({1, 5, 0.1}, "2.0").known().recordedPrecision(rules), second)
      << "but used where nothing is searched";
  options_.mode = TuneMode::Off;
  EXPECT_FALSE(tuner({1, 5, 0.1}).known().recordedPrecision(rules));
}

TEST_F(TunerPrecision, FullDecidesAnewOnceAndTheEarlierDecisionRunsAgain) {
  const Graph& rules = networks_->byRules().graph;
  PrecisionDecision fast{"cut", {{1, 0.4, 0.1}}, 2, 1};
  tuner({1, 5, 0.1}).recordPrecision(rules, fast);
  options_.mode = TuneMode::Full;
  {
    Tuner t = tuner({1, 5, 0.1});
    EXPECT_FALSE(t.known().recordedPrecision(rules));
    const auto decisions = decide(t);
    ASSERT_EQ(decisions.size(), 3u) << "by the rules, all in fp32, and what Fast decided";
    EXPECT_EQ(decisions.back(), fast);
    PrecisionDecision full{"fp32", decisions[1].kept, 2, 1};
    full.full = true;
    t.recordPrecision(rules, full);
  }
  for (const TuneMode mode : {TuneMode::Full, TuneMode::Fast, TuneMode::Cached}) {
    options_.mode = mode;
    const auto known = tuner({1, 5, 0.1}).known().recordedPrecision(rules);
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
