// What the tuner believes to have searched before: networks, problems, budgets.
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tessera/log.hpp"
#include "tests/support/invented_device.hpp"
#include "tests/support/support.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

Graph network(std::int64_t width = 40) {
  Graph graph;
  graph.name = "small";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 16, 24, width});
  const auto weights = [&](Shape shape) {
    return graph.addConstant("w" + toString(shape), HostTensor(DataType::Float32, shape));
  };
  const TensorId a = graph.add("Convolution", "first", {x, weights({32, 16, 3, 3})},
                               {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  graph.markOutput(graph.add("Convolution", "second", {a, weights({19, 32, 1, 1})}));
  return graph;
}

// Wider kernels are faster; each trial takes `seconds`.
class MarkingRunner final : public CandidateRunner {
 public:
  explicit MarkingRunner(double seconds) : seconds_(seconds) {}
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
    std::vector<Trial> trials;
    for (const Candidate& c : candidates) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds_));
      trials.push_back({Trial::Outcome::Good, c.family->id().name == "conv_direct" ? 1.0 : 5.0, "", true});
    }
    return trials;
  }

 private:
  double seconds_;
};

class TunerMarks : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tessera-marks-XXXXXX";
    options_.folder = folder_ = mkdtemp(name);
    options_.mode = TuneMode::Fast;
    auto logger =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(said_));
    logger->set_level(spdlog::level::debug);
    setLogger(logger);
  }
  void TearDown() override {
    setLogger(nullptr);
    fs::remove_all(folder_);
  }

  // Candidates tried; `listed_`: whether the problems had to be listed.
  std::size_t tune(double seconds = 0, const char* driver = "1.0", const Graph& graph = network()) {
    said_.str("");
    Tuner tuner(Device(nullptr), test::inventedCpu(false, driver), options_,
                std::make_unique<MarkingRunner>(seconds));
    tuner.tune(graph);
    listed_ = said_.str().find("nothing is left to search") == std::string::npos;
    return tuner.report().candidates;
  }

  fs::path file() const { return fs::directory_iterator(folder_)->path(); }
  std::vector<Record> records() const {
    std::vector<Record> records;
    std::ifstream in(file());
    for (std::string line; std::getline(in, line);) records.push_back(parseRecord(line).value());
    return records;
  }
  void write(const std::vector<Record>& records) const {
    std::ofstream out(file());
    for (const Record& r : records) out << lineOf(r) << "\n";
  }
  // Of that kind, on problems or on networks.
  static bool isNote(const Record& record, const char* kind, bool network) {
    const auto* note = std::get_if<Note>(&record);
    return note && note->kind == kind && (note->subject.rfind("network ", 0) == 0) == network;
  }

  fs::path folder_;
  TuneOptions options_;
  std::ostringstream said_;
  bool listed_ = false;
};

TEST_F(TunerMarks, ASecondStartDoesNotEvenListTheProblems) {
  EXPECT_GT(tune(), 0u);
  EXPECT_TRUE(listed_);
  EXPECT_EQ(tune(), 0u);
  EXPECT_FALSE(listed_);
  EXPECT_GT(tune(0, "1.0", network(41)), 0u) << "another network";
  EXPECT_TRUE(listed_);
  tune();
  EXPECT_FALSE(listed_);
}

TEST_F(TunerMarks, FullSearchesAfterFastAndIsEnoughForBoth) {
  tune();
  options_.mode = TuneMode::Full;
  EXPECT_GT(tune(), 0u);
  EXPECT_TRUE(listed_);
  for (const TuneMode mode : {TuneMode::Full, TuneMode::Fast}) {
    options_.mode = mode;
    EXPECT_EQ(tune(), 0u);
    EXPECT_FALSE(listed_);
  }
}

TEST_F(TunerMarks, FullLetsTheVariantsRaceAgainOnce) {
  const Graph graph = network();
  const auto variants = [&] {
    Tuner tuner(Device(nullptr), test::inventedCpu(false, "1.0"), options_,
                std::make_unique<MarkingRunner>(0));
    tuner.tune(graph);
    auto made = tuner.variants(graph);
    if (!made.empty()) tuner.recordRecipe(graph, made.back().found.recipe, 1);
    return made.size();
  };
  EXPECT_GT(variants(), 0u);
  EXPECT_EQ(variants(), 0u);
  options_.mode = TuneMode::Full;
  tune();  // ends before its race
  EXPECT_GT(variants(), 0u) << "what Fast let race";
  EXPECT_EQ(variants(), 0u);
  options_.mode = TuneMode::Fast;
  EXPECT_EQ(variants(), 0u);
}

// Where the whole network is fastest as it was, it stays so, whatever the records of single problems say.
TEST_F(TunerMarks, WhatFullFoundMayLoseToTheNetworkAsItWas) {
  const Graph graph = network();
  // conv_direct wins for Fast; then times change, and Full finds conv_naive and conv_gemm better.
  class Changing final : public CandidateRunner {
   public:
    explicit Changing(double direct) : direct_(direct) {}
    std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
      std::vector<Trial> trials;
      for (const Candidate& c : candidates)
        trials.push_back(
            {Trial::Outcome::Good, c.family->id().name == "conv_direct" ? direct_ : 5.0, "", true});
      return trials;
    }

   private:
    double direct_;
  };
  const auto tuner = [&](double direct) {
    return std::make_unique<Tuner>(Device(nullptr), test::inventedCpu(false, "1.0"), options_,
                                   std::make_unique<Changing>(direct));
  };
  auto fast = tuner(1);
  fast->tune(graph);
  auto variants = fast->variants(graph);
  fast->recordRecipe(graph, variants.back().found.recipe, 1);
  const std::string before = fast->lower(graph).lowered.text();
  options_.mode = TuneMode::Full;
  auto full = tuner(50);
  full->tune(graph);
  variants = full->variants(graph);
  ASSERT_GT(variants.size(), 1u);
  EXPECT_EQ(variants.front().name, "kept");
  EXPECT_EQ(variants.front().found.lowered.text(), before);
  for (std::size_t i = 1; i < variants.size(); ++i) EXPECT_NE(variants[i].found.lowered.text(), before);
  full->recordRecipe(graph, variants.front().found.recipe, 1);
  for (const TuneMode mode : {TuneMode::Full, TuneMode::Fast, TuneMode::Cached}) {
    options_.mode = mode;
    auto later = tuner(50);
    later->tune(graph);
    EXPECT_TRUE(later->variants(graph).empty());
    const Found found = later->lower(graph);
    EXPECT_EQ(found.lowered.text(), before) << toString(mode);
    EXPECT_EQ(found.sources.fallback, 0u);
  }
  auto rest = records();
  std::erase_if(rest, [](const Record& r) { return isNote(r, RecipeNote::kKind, true); });
  write(rest);
  EXPECT_NE(tuner(50)->lower(graph).lowered.text(), before) << "without its record, as the times say";
}

TEST_F(TunerMarks, AnotherDriverOrAnEditedKernelMakesListsAnew) {
  tune();
  EXPECT_GT(tune(0, "2.0"), 0u);
  EXPECT_TRUE(listed_);
  tune();
  EXPECT_FALSE(listed_) << "the old driver's records are still there";
  const fs::path kernels = folder_.string() + "-kernels";
  fs::create_directories(kernels / "conv_naive");
  fs::copy(test::sourceFolder() / "clkernels/conv_naive", kernels / "conv_naive",
           fs::copy_options::overwrite_existing);
  std::ofstream(kernels / "conv_naive/conv_naive.cl", std::ios::app) << "\n// edited\n";
  setenv("TESSERA_KERNEL_DIR", kernels.c_str(), 1);
  EXPECT_GT(tune(), 0u);
  EXPECT_TRUE(listed_);
  unsetenv("TESSERA_KERNEL_DIR");
  fs::remove_all(kernels);
}

// Every record in turn is taken away, or turns bad.
TEST_F(TunerMarks, ARecordThatIsGoneOrBadIsNotReliedOn) {
  tune();
  const auto all = records();
  int marks = 0, listed = 0;
  for (const bool bad : {false, true})
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto rest = all;
      auto* tactic = std::get_if<TacticRecord>(&rest[i]);
      if (bad && !tactic) continue;  // there are no bad notes
      if (bad)
        tactic->bad = true;
      else
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
      write(rest);
      const bool mark = isNote(all[i], SearchNote::kKind, false);
      const std::size_t candidates = tune();
      if (mark) {
        EXPECT_GT(candidates, 0u) << lineOf(all[i]);
        ++marks;
      }
      listed += listed_;
      EXPECT_EQ(tune(), 0u) << "repaired: " << lineOf(all[i]);
      EXPECT_FALSE(listed_) << lineOf(all[i]);
    }
  EXPECT_EQ(marks, 2) << "two problems";
  EXPECT_GT(listed, 6) << "also without the kernels that were found, and the network's own record";
}

TEST_F(TunerMarks, AProblemWithoutAnyGoodRecordIsSearchedAgain) {
  tune();
  auto rest = records();
  const std::string problem = "Convolution{}(f32:1x32x24x40";
  std::erase_if(rest, [&](const Record& r) {
    const auto* tactic = std::get_if<TacticRecord>(&r);
    return tactic && tactic->problem.rfind(problem, 0) == 0;
  });
  ASSERT_LT(rest.size(), records().size());
  write(rest);
  EXPECT_GT(tune(), 0u) << "the search's own record is there, but nothing that it found";
}

TEST_F(TunerMarks, DamagedRecordsOfTheNetworkAreNotBelieved) {
  tune();
  const auto all = records();
  for (const char* text :
       {"", "fast", "fast 60", "fast 60 found", "fast x found 01", "fast 60 found 0123456789abcdef",
        "fast 60 found  ", "fast 0 found 01", "fast nan found 01", "fast 1e400 found 01"}) {
    auto changed = all;
    for (Record& r : changed)
      if (isNote(r, SearchNote::kKind, true)) std::get<Note>(r).text = text;
    write(changed);
    EXPECT_EQ(tune(), 0u);
    EXPECT_TRUE(listed_) << "'" << text << "'";
  }
}

TEST_F(TunerMarks, ASearchThatItsBudgetCutOffGoesOnWithALargerOne) {
  options_.seconds = 0.2;
  const std::size_t first = tune(0.02);
  EXPECT_GT(first, 0u);
  EXPECT_EQ(tune(), 0u) << "with the same budget everything was done";
  EXPECT_FALSE(listed_);
  options_.seconds = 0.1;
  EXPECT_EQ(tune(), 0u);
  options_.seconds = 30;
  EXPECT_GT(tune(), 0u);
  EXPECT_EQ(tune(), 0u);
  options_.seconds = 60;
  EXPECT_EQ(tune(), 0u) << "nothing was cut off";
  EXPECT_TRUE(listed_);
}

TEST_F(TunerMarks, TheBudgetIsKept) {
  options_.seconds = 1;
  const auto begin = std::chrono::steady_clock::now();
  tune(0.02);
  const double whole = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_LT(whole, 1.6);
  EXPECT_GT(whole, 0.3) << "there was more to search";
}

}  // namespace
}  // namespace tessera
