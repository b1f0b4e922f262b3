// Default tactics by device class: the text, the look-up, and where they stand among records and fallbacks.
#include "tune/defaults.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tessera/log.hpp"
#include "tests/support/invented_device.hpp"
#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {
namespace {
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

DeviceCaps cpu(bool avx512 = true, const char* driver = "1.0") { return test::inventedCpu(avx512, driver); }

Graph network() {
  Graph graph;
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 192, 24, 40});
  const TensorId y = graph.add("Convolution", "conv",
                               {x, graph.addConstant("w", HostTensor(DataType::Float32, {128, 192, 3, 3}))},
                               {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  graph.markOutput(y);
  return graph;
}

// conv_direct's problem of that network.
struct Problems {
  const KernelFamily& family = *findFamily("conv_direct");
  Problem problem;
  Problems() {
    const OpView planar =
        parseOpView("Convolution{pads=[1,1,1,1]}(f32:1x192x24x40,f32:128x192x3x3:c)->(f32:1x128x24x40)");
    problem = family.problem(withBlocks(planar, family.blockChoices(planar, cpu()).at(0)));
  }
  // A member of the space that is not what runs untuned.
  Tactic other(int skip = 0) const {
    for (const Tactic& t : family.space(problem, cpu()).members())
      if (!(t == family.fallback(problem, cpu())) && skip-- == 0) return t;
    throw Error(ErrorCode::Internal, "the space is too small");
  }
};

class DefaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tessera-defaults-XXXXXX";
    folder_ = mkdtemp(name);
    setLogger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(said_)));
  }
  void TearDown() override {
    unsetenv("TESSERA_KERNEL_DIR");
    setLogger(nullptr);
    fs::remove_all(folder_);
  }
  std::vector<Tactic> offered(const std::string& text, const DeviceCaps& caps = cpu()) {
    return DefaultTactics(caps, {{"conv_direct/defaults.txt", text}}).of(p_.family, p_.problem);
  }
  std::string line(const Tactic& tactic, const std::string& deviceClass = "cpu-avx512",
                   const std::string& conditions = "kernel=3x3 in=64..255") {
    return deviceClass + " conv_direct Convolution " + conditions + " -> " + tactic.text() + "\n";
  }

  Problems p_;
  fs::path folder_;
  std::ostringstream said_;
};

TEST_F(DefaultsTest, LinesReadBack) {
  const std::string text =
      "cpu conv_direct Convolution dilation=1x1 kernel=3x3 in=64..255 out=..63 pixels=1024.. group=1 -> "
      "TX=6,TK=2";
  EXPECT_EQ(DefaultLine::parse(text).text(), text);
  EXPECT_EQ(DefaultLine::parse("  cpu\tconv_direct Convolution->TX=6,TK=2").text(),
            "cpu conv_direct Convolution -> TX=6,TK=2");
}

TEST_F(DefaultsTest, WrongLinesAreReportedAndTheOthersServe) {
  const std::string right = line(p_.other());
  for (const std::string wrong :
       {"cpu-avx512 conv_direct Convolution in=64 TX=6", "abacus conv_direct Convolution -> TX=6",
        "cpu no_family Convolution -> TX=6", "cpu conv_direct Softmax -> TX=6",
        "cpu conv_direct Convolution colour=red -> TX=6", "cpu conv_direct Convolution in=x..3 -> TX=6",
        "cpu conv_direct Convolution in=.. -> TX=6", "cpu conv_direct Convolution kernel= -> TX=6",
        "cpu conv_direct Convolution kernel -> TX=6", "cpu conv_direct Convolution -> TX=six",
        "cpu conv_direct Convolution ->", "cpu conv_direct Convolution -> TX=6 TK=2",
        "cpu conv_direct -> TX=6"}) {
    said_.str("");
    EXPECT_THAT(offered(wrong + "\n" + right), ElementsAre(p_.other())) << wrong;
    EXPECT_THAT(said_.str(), HasSubstr("conv_direct/defaults.txt:1 is ignored")) << wrong;
  }
  said_.str("");
  EXPECT_THAT(offered("# a comment\n\n" + right), ElementsAre(p_.other()));
  EXPECT_EQ(said_.str(), "");
}

TEST_F(DefaultsTest, ATacticThatTheKernelDoesNotKnowIsReportedOnceAndNotUsed) {
  const DefaultTactics defaults(
      cpu(), {{"conv_direct/defaults.txt", line(Tactic{{"BOGUS", 3}}) + line(p_.other())}});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(defaults.of(p_.family, p_.problem), ElementsAre(p_.other()));
  const std::string said = said_.str();
  const auto first = said.find("defaults.txt:1");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(said.find("defaults.txt:1", first + 1), std::string::npos) << said;
  Tactic large = p_.other();
  large.set(large.values()[0].first, 99999);
  EXPECT_TRUE(offered(line(large)).empty()) << "not in the space";
}

TEST_F(DefaultsTest, TheNarrowestClassGoesFirst) {
  const Tactic general = p_.other(0), narrow = p_.other(1);
  const std::string text = line(general, "cpu") + line(narrow, "cpu-avx512") + line(general, "nvidia");
  EXPECT_THAT(offered(text), ElementsAre(narrow, general));
  EXPECT_THAT(offered(text, cpu(false)), ElementsAre(general));
  EXPECT_TRUE(offered(line(narrow, "nvidia") + line(narrow, "gpu")).empty());
}

TEST_F(DefaultsTest, ClassesFollowKindAndVendor) {
  DeviceCaps gpu;
  gpu.kind = DeviceKind::Gpu;
  const auto classes = [&](const char* vendor) {
    gpu.vendor = vendor;
    return gpu.classes();
  };
  EXPECT_THAT(classes("NVIDIA Corporation"), ElementsAre("nvidia", "gpu"));
  EXPECT_THAT(classes("Advanced Micro Devices, Inc."), ElementsAre("amd", "gpu"));
  EXPECT_THAT(classes("Intel(R) Corporation"), ElementsAre("intel-gpu", "gpu"));
  EXPECT_THAT(classes("ARM"), ElementsAre("arm", "gpu"));
  EXPECT_THAT(classes("Somebody"), ElementsAre("gpu"));
  EXPECT_THAT(cpu().classes(), ElementsAre("cpu-avx512", "cpu"));
  for (const char* vendor : {"NVIDIA", "QUALCOMM", "Apple", "Imagination Technologies"})
    for (const auto name : classes(vendor))
      EXPECT_THAT(DeviceCaps::allClasses(), testing::Contains(name)) << "lines may name it";
}

TEST_F(DefaultsTest, ConditionsLookAtTheProblem) {
  const Tactic t = p_.other();
  const auto serves = [&](const char* conditions) { return !offered(line(t, "cpu", conditions)).empty(); };
  EXPECT_TRUE(serves("type=f32 kernel=3x3 stride=1x1 dilation=1x1 group=1 batch=1"));
  EXPECT_TRUE(serves("in=192 out=128 pixels=960 inBlock=16 outBlock=16"));
  EXPECT_TRUE(serves("in=192..192 out=100.. pixels=..960"));
  for (const char* other : {"kernel=1x1", "stride=2x2", "dilation=2x2", "group=2..", "batch=2", "in=193..",
                            "out=..127", "pixels=961", "inBlock=1", "type=i8"})
    EXPECT_FALSE(serves(other)) << other;
  DefaultLine coarse = coarseClass(p_.family, p_.problem);
  coarse.deviceClass = "cpu";
  coarse.tactic = t;
  EXPECT_EQ(DefaultLine::parse(coarse.text()).text(), coarse.text());
  EXPECT_TRUE(coarse.matches(p_.problem));
  Problem larger = p_.problem;
  larger.inputs[0].shape[1] = 192, larger.inputs[1].shape[1] = 192;
  EXPECT_TRUE(coarse.matches(larger)) << "three times the channels";
  larger.inputs[0].shape[1] = 256, larger.inputs[1].shape[1] = 256;
  EXPECT_FALSE(coarse.matches(larger)) << "four times the channels";
}

TEST_F(DefaultsTest, WhatIsEmbeddedIsRight) {
  EXPECT_GT(DefaultTactics(cpu()).size(), 0u);
  EXPECT_EQ(said_.str(), "") << "no line is complained about";
}

class Answers final : public CandidateRunner {
 public:
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
    std::vector<Trial> trials;
    for (const Candidate& c : candidates) {
      const bool wanted = c.family->id().name == "conv_direct" && c.tactic == fastest;
      trials.push_back(c.tactic == wrong ? Trial{Trial::Outcome::Wrong, 0, "planted"}
                                         : Trial{Trial::Outcome::Good, wanted ? 1.0 : 5.0, "", true});
      tried.push_back(c.tactic.text());
    }
    return trials;
  }
  Tactic fastest{{"NONE", 0}}, wrong{{"NONE", 1}};
  std::vector<std::string> tried;
};

TEST_F(DefaultsTest, RecordsGoFirstThenDefaultsThenTheFallback) {
  const Tactic byDefault = p_.other(0), recorded = p_.other(1);
  fs::create_directories(folder_ / "kernels/conv_direct");
  const auto writeDefaults = [&](const std::string& text) {
    std::ofstream(folder_ / "kernels/conv_direct/defaults.txt") << text;
  };
  setenv("TESSERA_KERNEL_DIR", (folder_ / "kernels").c_str(), 1);
  struct Result {
    TuneReport report;
    Tactic tactic;
    std::vector<std::string> tried;
  };
  const auto lower = [&](TuneMode mode, const char* driver, Answers answers) {
    TuneOptions options;
    options.mode = mode;
    options.folder = folder_ / "cache";
    auto runner = std::make_unique<Answers>(answers);
    const Answers& used = *runner;
    Tuner tuner(Device(nullptr), cpu(true, driver), options, std::move(runner));
    const Graph graph = network();
    tuner.tune(graph);
    const Found found = tuner.lower(graph);
    for (const Step& step : found.lowered.steps)
      if (step.family->id().name == "conv_direct")
        return Result{tuner.report(found.sources), step.tactic, used.tried};
    ADD_FAILURE() << found.lowered.text();
    return Result{};
  };
  const Tactic fallback = p_.family.fallback(p_.problem, cpu());
  writeDefaults("");
  EXPECT_EQ(lower(TuneMode::Off, "1.0", {}).tactic, fallback);
  writeDefaults(line(byDefault));
  for (const TuneMode mode : {TuneMode::Off, TuneMode::Cached}) {
    const Result result = lower(mode, "1.0", {});
    EXPECT_EQ(result.tactic, byDefault) << toString(mode);
    EXPECT_EQ(result.report.defaults, 1u);
    EXPECT_EQ(result.report.defaults + result.report.fallback, result.report.problems);
  }
  Answers answers;
  answers.fastest = recorded;
  const Result tuned = lower(TuneMode::Full, "1.0", answers);
  EXPECT_EQ(tuned.tactic, recorded);
  EXPECT_THAT(tuned.tried, testing::Contains(byDefault.text())) << "the search begins with it";
  const Result exact = lower(TuneMode::Cached, "1.0", {});
  EXPECT_EQ(exact.tactic, recorded);
  EXPECT_EQ(exact.report.defaults, 0u);
  const Result stale = lower(TuneMode::Cached, "2.0", {});
  EXPECT_EQ(stale.tactic, recorded);
  EXPECT_GT(stale.report.stale, 0u);
  const Result off = lower(TuneMode::Off, "1.0", {});
  EXPECT_EQ(off.tactic, byDefault) << "Off looks at no records";
}

TEST_F(DefaultsTest, ADefaultThatIsWrongOnThisDeviceIsNotUsedAgain) {
  fs::create_directories(folder_ / "kernels/conv_direct");
  std::ofstream(folder_ / "kernels/conv_direct/defaults.txt") << line(p_.other());
  setenv("TESSERA_KERNEL_DIR", (folder_ / "kernels").c_str(), 1);
  TuneOptions options;
  options.folder = folder_ / "cache";
  options.mode = TuneMode::Fast;
  auto runner = std::make_unique<Answers>();
  runner->wrong = p_.other();
  Tuner tuner(Device(nullptr), cpu(), options, std::move(runner));
  tuner.tune(network());
  EXPECT_GT(tuner.report().bad, 0u);
  const Lowered lowered = tuner.lower(network()).lowered;
  for (const Step& step : lowered.steps) EXPECT_FALSE(step.tactic == p_.other()) << step.layer;
}

}  // namespace
}  // namespace tessera
