// The tuner of a network, on an invented device with made-up times.
#include "tune/tuner.hpp"

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "tessera/log.hpp"
#include "tests/support/invented_device.hpp"
#include "tune/problem.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;

DeviceCaps cpu(const char* driver = "1.0") { return test::inventedCpu(false, driver); }

// Convolution, pooling, convolution; sizes that tiles do not divide.
Graph network() {
  Graph graph;
  graph.name = "small";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 16, 24, 40});
  const auto weights = [&](Shape shape) {
    return graph.addConstant("w" + toString(shape), HostTensor(DataType::Float32, shape));
  };
  const Attributes same{{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
  const TensorId a = graph.add("Convolution", "first", {x, weights({32, 16, 3, 3})}, same);
  const TensorId b = graph.add("Convolution", "second", {a, weights({32, 32, 3, 3})}, same);
  const TensorId c = graph.add("Convolution", "third", {b, weights({19, 32, 1, 1})});
  graph.markOutput(c);
  return graph;
}

struct Log {
  std::vector<std::string> tried;
  std::function<Trial(const Candidate&)> answer = [](const Candidate& c) {
    double ms = c.family->id().name == "conv_direct" ? 1 : 5;
    for (const auto& [name, value] : c.tactic.values())
      if (name == "TX") ms += 0.1 * std::abs(value - 6);
    return Trial{Trial::Outcome::Good, ms, "", true};
  };
};

class FakeRunner final : public CandidateRunner {
 public:
  explicit FakeRunner(Log& log) : log_(log) {}
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
    std::vector<Trial> trials;
    for (const Candidate& c : candidates) {
      EXPECT_EQ(planarView(c.view), planarView(candidates.front().view))
          << "one operator and shape at a time";
      log_.tried.push_back(c.family->id().text() + " " + c.tactic.text() + " " + c.view.text());
      trials.push_back(log_.answer(c));
    }
    return trials;
  }

 private:
  Log& log_;
};

class TunerTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tessera-tuner-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  TuneReport tune(TuneMode mode, Log& log, const DeviceCaps& caps = cpu(), Lowered* lowered = nullptr) {
    TuneOptions options;
    options.mode = mode;
    options.folder = folder_;
    options.workspaceLimit = workspaceLimit_;
    Tuner tuner(Device(nullptr), caps, options, std::make_unique<FakeRunner>(log));
    const Graph graph = network();
    tuner.tune(graph);
    Found found = tuner.lower(graph);
    if (lowered) *lowered = std::move(found.lowered);
    return tuner.report(found.sources);
  }

  fs::path folder_;
  std::optional<std::size_t> workspaceLimit_;
  std::shared_ptr<spdlog::logger> log_ = std::make_shared<spdlog::logger>("test");  // silent
};

TEST_F(TunerTest, FastSearchesOnceAndTheSecondRunTriesNothing) {
  Log first, second;
  Lowered lowered;
  const TuneReport report = tune(TuneMode::Fast, first, cpu(), &lowered);
  EXPECT_GT(report.candidates, 20u);
  EXPECT_EQ(report.candidates, first.tried.size());
  EXPECT_EQ(report.fallback, 0u) << "everything that runs was measured";
  for (const Step& step : lowered.steps)
    if (step.family->id().name == "conv_direct") {
      EXPECT_EQ(step.tactic.get("TX"), 6) << step.layer;
    }
  Lowered again;
  const TuneReport next = tune(TuneMode::Fast, second, cpu(), &again);
  EXPECT_EQ(next.candidates, 0u) << second.tried.front();
  EXPECT_EQ(next.exact, report.problems);
  EXPECT_EQ(again.text(), lowered.text());
  Log full;
  EXPECT_GT(tune(TuneMode::Full, full).candidates, 0u) << "Full goes on where Fast stopped";
  EXPECT_EQ(tune(TuneMode::Full, full).candidates, 0u);
  EXPECT_EQ(tune(TuneMode::Fast, full).candidates, 0u) << "Full is enough for Fast";
}

TEST_F(TunerTest, KernelsThatTakeThePlaceOfOthersStay) {
  Log log;
  log.answer = [](const Candidate& c) {  // close to each other, so that all are worth a swap
    const bool direct = c.family->id().name == "conv_direct";
    return Trial{Trial::Outcome::Good,
                 (direct ? 1 : 1.2) + 0.01 * static_cast<double>(c.tactic.text().size()), "", true};
  };
  const Graph graph = network();
  TuneOptions options;
  options.mode = TuneMode::Fast;
  options.folder = folder_;
  std::string expected;
  {
    Tuner tuner(Device(nullptr), cpu(), options, std::make_unique<FakeRunner>(log));
    tuner.tune(graph);
    auto variants = tuner.variants(graph);
    ASSERT_FALSE(variants.empty());
    tuner.recordRecipe(graph, variants.back().found.recipe, 3);
    const Found won = tuner.lower(graph);
    EXPECT_EQ(won.recipe, variants.back().found.recipe);
    const auto swaps = swapsFor(tuner.known(), won);
    ASSERT_GE(swaps.size(), 2u);
    std::set<std::string> tried{won.lowered.text()};
    Recipe recipe = won.recipe;
    int taken = 0;
    for (const Swap& swap : swaps) {
      const auto lowered = tuner.known().lowerBy(graph, swap.in(recipe));
      if (!lowered) continue;
      EXPECT_TRUE(tried.insert(lowered->text()).second)
          << swap.layer << " " << swap.tactic.text() << " changes something";
      if (taken == 2) continue;
      ++taken;
      expected = lowered->text();
      recipe = swap.in(recipe);
      tuner.recordRecipe(graph, recipe, 3.0 - taken);
      EXPECT_EQ(tuner.lower(graph).lowered.text(), expected);
    }
    EXPECT_EQ(taken, 2);
  }
  options.mode = TuneMode::Cached;
  Tuner later(Device(nullptr), cpu(), options, std::make_unique<FakeRunner>(log));
  EXPECT_EQ(later.lower(graph).lowered.text(), expected);
}

TEST_F(TunerTest, WhereNothingIsFasterTheSecondRunStillTriesNothing) {
  Log log;
  log.answer = [](const Candidate&) { return Trial{Trial::Outcome::Good, 2, "", true}; };
  EXPECT_GT(tune(TuneMode::Fast, log).candidates, 0u);
  EXPECT_EQ(tune(TuneMode::Fast, log).candidates, 0u);
}

TEST_F(TunerTest, ATacticThatWasFastByLuckOnceIsNotTaken) {
  Log log;
  std::map<std::string, int> times;
  log.answer = [&, good = Log{}.answer](const Candidate& c) {
    Trial trial = good(c);
    if (c.family->id().name != "conv_direct" || c.tactic.get("TX") != 12) return trial;
    if (times[c.view.text()]++ == 0) trial.milliseconds = 0.2;
    return trial;
  };
  Lowered lowered;
  tune(TuneMode::Full, log, cpu(), &lowered);
  int steps = 0;
  for (const Step& step : lowered.steps)
    if (step.family->id().name == "conv_direct" && ++steps) {
      EXPECT_NE(step.tactic.get("TX"), 12) << step.layer << ": the play-off's times count";
    }
  EXPECT_GT(steps, 0);
  EXPECT_FALSE(times.empty());
}

TEST_F(TunerTest, NothingAboveTheLimitOfTheWorkspaceIsTriedOrTaken) {
  const auto scratchOf = [](const Candidate& c) {
    return workspaceOf(c.family->plan(c.family->problem(c.view), c.tactic, cpu()));
  };
  const auto mostIn = [](const Lowered& lowered) {
    std::size_t most = 0;
    for (const Step& step : lowered.steps) most = std::max(most, workspaceOf(step.launch));
    return most;
  };
  Log free, limited, again;
  free.answer = [&](const Candidate& c) {  // the more scratch, the faster
    return Trial{Trial::Outcome::Good, 5 / (1 + 1e-4 * static_cast<double>(scratchOf(c))), "", true};
  };
  Lowered lowered;
  tune(TuneMode::Fast, free, cpu(), &lowered);
  const std::size_t most = mostIn(lowered);
  ASSERT_GT(most, 0u);
  workspaceLimit_ = most - 1;
  tune(TuneMode::Cached, limited, cpu(), &lowered);
  EXPECT_LE(mostIn(lowered), *workspaceLimit_) << "records above the limit are not looked at";
  limited.answer = [&](const Candidate& c) {
    EXPECT_LE(scratchOf(c), *workspaceLimit_) << c.family->id().text() << " " << c.tactic.text();
    return free.answer(c);
  };
  EXPECT_GT(tune(TuneMode::Fast, limited, cpu(), &lowered).candidates, 0u) << "a search of its own";
  EXPECT_LE(mostIn(lowered), *workspaceLimit_);
  workspaceLimit_.reset();
  EXPECT_EQ(tune(TuneMode::Fast, again, cpu(), &lowered).candidates, 0u) << "which is nobody else's";
  EXPECT_EQ(mostIn(lowered), most);
}

TEST_F(TunerTest, OffAndCachedTryNothing) {
  Log log;
  Lowered off, cached, tuned;
  EXPECT_EQ(tune(TuneMode::Off, log, cpu(), &off).candidates, 0u);
  EXPECT_EQ(tune(TuneMode::Cached, log, cpu(), &cached).candidates, 0u);
  EXPECT_EQ(off.text(), cached.text()) << "no records yet";
  EXPECT_TRUE(log.tried.empty());
  tune(TuneMode::Fast, log, cpu(), &tuned);
  Log none;
  tune(TuneMode::Cached, none, cpu(), &cached);
  EXPECT_EQ(cached.text(), tuned.text());
  Lowered untouched;
  tune(TuneMode::Off, none, cpu(), &untouched);
  EXPECT_EQ(untouched.text(), off.text()) << "Off ignores records";
  EXPECT_TRUE(none.tried.empty());
}

TEST_F(TunerTest, AnotherDriverUsesTheRecordsAndVerifiesThem) {
  Log log, cached, fast;
  tune(TuneMode::Fast, log);
  const TuneReport stale = tune(TuneMode::Cached, cached, cpu("2.0"));
  EXPECT_EQ(stale.stale, stale.problems);
  EXPECT_TRUE(cached.tried.empty());
  const TuneReport verified = tune(TuneMode::Fast, fast, cpu("2.0"));
  EXPECT_GT(verified.candidates, 0u);
  EXPECT_EQ(verified.stale, 0u);
}

TEST_F(TunerTest, BadCandidatesAreRecordedAndNeverTriedAgain) {
  Log first;
  first.answer = [good = Log{}.answer](const Candidate& c) {
    if (c.family->id().name != "conv_direct") return good(c);
    for (const auto& [name, value] : c.tactic.values())
      if (name == "TX" && value == 6) return Trial{Trial::Outcome::Wrong, 0, "planted"};
    return good(c);
  };
  Lowered lowered;
  const TuneReport report = tune(TuneMode::Fast, first, cpu(), &lowered);
  EXPECT_GT(report.bad, 0u);
  for (const Step& step : lowered.steps)
    if (step.family->id().name == "conv_direct") {
      EXPECT_NE(step.tactic.get("TX"), 6) << step.layer;
    }
  std::set<std::string> bad;
  for (const std::string& tried : first.tried)
    if (tried.find("conv_direct") == 0 && tried.find("TX=6,") != std::string::npos) bad.insert(tried);
  Log full;
  tune(TuneMode::Full, full);
  EXPECT_FALSE(bad.empty());
  for (const std::string& tried : full.tried) EXPECT_FALSE(bad.count(tried)) << tried;
}

TEST_F(TunerTest, ARunThatWasCutOffGoesOnWhereItStopped) {
  struct Stop {};
  Log cut;
  int left = 12;
  cut.answer = [&, good = Log{}.answer](const Candidate& c) {
    if (left-- == 0) throw Stop();
    return good(c);
  };
  EXPECT_THROW(tune(TuneMode::Fast, cut), Stop);
  Log rest, whole;
  tune(TuneMode::Fast, rest);
  folder_ /= "fresh";
  tune(TuneMode::Fast, whole);
  EXPECT_LT(rest.tried.size(), whole.tried.size()) << "what was measured is not measured again";
  folder_ = folder_.parent_path();
}

TEST_F(TunerTest, RecordsThatNoLongerFitTheSpaceAreNotUsed) {
  Log log;
  tune(TuneMode::Fast, log);
  // The same records with a tile that no space offers.
  std::string text;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      auto record = parseRecord(line);
      ASSERT_TRUE(record);
      if (auto* tactic = std::get_if<TacticRecord>(&*record))
        for (const std::string tile : {"TX=", "K="})
          if (const auto at = tactic->tactic.find(tile); at != std::string::npos)
            tactic->tactic.insert(at + tile.size(), "99");
      text += lineOf(*record) + "\n";
    }
    in.close();
    std::ofstream(entry.path()) << text;
  }
  Log none;
  const TuneReport report = tune(TuneMode::Cached, none);
  EXPECT_GT(report.fallback, 0u);
}

TEST_F(TunerTest, ShippedRecordsAreUsedAndNotWritten) {
  Log log;
  Lowered tuned, shipped;
  tune(TuneMode::Fast, log, cpu(), &tuned);
  const fs::path file = folder_ / "shipped.tactics";
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path() != file) fs::rename(entry.path(), file);
  TuneOptions options;
  options.mode = TuneMode::Cached;
  options.folder = folder_ / "own";
  options.shipped = file;
  Tuner tuner(Device(nullptr), cpu(), options);
  shipped = tuner.lower(network()).lowered;
  EXPECT_EQ(shipped.text(), tuned.text());
  EXPECT_TRUE(!fs::exists(*options.folder) || fs::is_empty(*options.folder));
  options.shipped = folder_ / "none";
  EXPECT_THROW(Tuner(Device(nullptr), cpu(), options), Error);
}

TEST_F(TunerTest, AFlippedByteAnywhereNeverGivesAWrongTactic) {
  Log log;
  tune(TuneMode::Fast, log);
  fs::path file;
  for (const auto& entry : fs::directory_iterator(folder_)) file = entry.path();
  // The best record of each convolution: enough to have every field, few enough for every byte.
  std::map<std::string, TacticRecord> best;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (const auto record = parseRecord(line))
      if (const auto* r = std::get_if<TacticRecord>(&*record);
          r && r->family.rfind("conv_direct", 0) == 0 && best.size() < 2)
        best.emplace(r->problem, *r);
  in.close();
  std::string text;
  for (const auto& [_, record] : best) text += lineOf(record) + "\n";
  ASSERT_GE(best.size(), 2u);
  setLogger(nullptr);
  TuneOptions options;
  options.folder = folder_;
  const Graph graph = network();
  for (std::size_t i = 0; i < text.size(); ++i)
    for (const int bit : {1}) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ bit);
      std::ofstream(file, std::ios::binary) << damaged;
      Tuner tuner(Device(nullptr), cpu(), options);
      const Lowered lowered = tuner.lower(graph).lowered;
      for (const Step& step : lowered.steps) {
        const Problem problem = step.family->problem(step.view);
        EXPECT_TRUE(step.family->space(problem, cpu()).contains(step.tactic) ||
                    step.family->fallback(problem, cpu()) == step.tactic)
            << "byte " << i << ": " << step.tactic.text();
      }
    }
  setLogger(log_);
}

TEST_F(TunerTest, TruncatedAndForeignFilesAreWorkedAround) {
  Log log;
  Lowered untuned, lowered;
  tune(TuneMode::Off, log, cpu(), &untuned);
  tune(TuneMode::Fast, log);
  fs::path file;
  for (const auto& entry : fs::directory_iterator(folder_)) file = entry.path();
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  in.close();
  setLogger(nullptr);
  for (const std::string& content : {text.substr(0, text.size() / 2), std::string(5000, '\0'),
                                     std::string("tessera-tactic-1\tolder\n"), std::string()}) {
    std::ofstream(file, std::ios::binary) << content;
    Log none;
    EXPECT_EQ(tune(TuneMode::Cached, none).candidates, 0u);
  }
  // Records of another device, in this one's file.
  std::string foreign;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto record = parseRecord(line);
    ASSERT_TRUE(record);
    std::visit([](auto& r) { r.device = "Other|Device|1.0|cu99|wg1|lm1"; }, *record);
    foreign += lineOf(*record) + "\n";
  }
  std::ofstream(file, std::ios::binary) << foreign;
  tune(TuneMode::Cached, log, cpu(), &lowered);
  EXPECT_EQ(lowered.text(), untuned.text());
  setLogger(log_);
}

// A candidate that takes the device with it.
class FatalRunner final : public CandidateRunner {
 public:
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
    fatal = candidates.back();
    throw ContextLost(candidates.size() - 1, "clFinish failed");
  }
  Candidate fatal;
};

TEST_F(TunerTest, RecordsTheKernelThatStoppedTheDeviceAndSaysSo) {
  TuneOptions options;
  options.mode = TuneMode::Fast;
  options.folder = folder_;
  auto runner = std::make_unique<FatalRunner>();
  FatalRunner& fatal = *runner;
  Tuner tuner(Device(nullptr), cpu(), options, std::move(runner));
  try {
    tuner.tune(network());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::DeviceError);
    EXPECT_NE(std::string(e.what()).find(fatal.fatal.tactic.text()), std::string::npos) << e.what();
  }
  // The next run leaves it alone, and only it.
  Log log;
  tune(TuneMode::Fast, log);
  for (const std::string& tried : log.tried)
    EXPECT_NE(tried, fatal.fatal.family->id().text() + " " + fatal.fatal.tactic.text() + " " +
                         fatal.fatal.view.text());
  EXPECT_FALSE(log.tried.empty());
}

TEST_F(TunerTest, RivalsOfAFamilyThatWasSearchedLaterRunAgainstItOnceMore) {
  // The machine halves its speed once tactics of the fastest family are searched: compared with what was
  // measured before, they all look slower than the other family.
  Log log;
  int calls = 0;
  log.answer = [&](const Candidate& c) {
    const bool direct = c.family->id().name == "conv_direct" && c.view.inputs[0].layout.block == 16;
    return Trial{Trial::Outcome::Good, (direct ? 1.0 : 1.4) * (++calls > 24 ? 2 : 1), "", true};
  };
  Lowered lowered;
  tune(TuneMode::Full, log, cpu(), &lowered);
  ASSERT_GT(calls, 24);
  for (const Step& step : lowered.steps) {
    if (step.layer == "second") {
      EXPECT_EQ(step.family->id().name, "conv_direct") << lowered.text();
    }
  }
}

}  // namespace
}  // namespace tessera
