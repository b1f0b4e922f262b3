// Plans: what is saved comes back, runs to the same bits, and no damaged file is used.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "base/read_file.hpp"
#include "exec/engine_impl.hpp"
#include "plan/plan.hpp"
#include "tessera/context.hpp"
#include "tessera/engine.hpp"
#include "tessera/plan.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string bytesOf(const fs::path& file) { return readRegularFile(file).bytes; }

void writeBytes(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// x -> conv -> relu -> pool, small: its plan is a few pages.
Graph smallNetwork(unsigned seed = 1) {
  Graph g;
  g.name = "small\xff";  // names need not be UTF-8
  const TensorId x = g.addInput("x", DataType::Float32, {1, 3, 8, 8});
  const TensorId w = g.addConstant("w", test::portableRandom({5, 3, 3, 3}, seed, -1, 1));
  const TensorId b = g.addConstant("b", test::portableRandom({5}, 2, -1, 1));
  const TensorId c =
      g.add("Convolution", "conv", {x, w, b},
            {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"activation", "LeakyRelu"}, {"alpha", 0.1}});
  g.markOutput(g.add("GlobalPool", "pool", {c}, {{"mode", "average"}}, {"y"}));
  return g;
}

class PlanTest : public testing::Test {
 protected:
  fs::path file(const char* name) const { return folder_.path() / name; }

  std::shared_ptr<const Engine> build(Graph graph, EngineOptions options = {}) const {
    options.tuning.folder = "";
    return Engine::build(std::move(graph), test::device(), options);
  }
  std::shared_ptr<const Engine> load(const fs::path& plan) const {
    TuneOptions tuning;
    tuning.folder = "";
    return Engine::load(plan, test::device(), tuning);
  }
  std::string refusal(const fs::path& plan) const {
    try {
      load(plan);
      return {};
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::BadCache) << e.what();
      return e.what();
    }
  }

  test::Folder folder_;
};

const TensorMap& someInputs() {
  static const TensorMap inputs{{"x", test::portableRandom({1, 3, 8, 8}, 5, -1, 1)}};
  return inputs;
}

// Whether plans of the test's device hold compiled programs.
bool givesBinaries(const Plan& plan) { return !plan.devices.at(0).parts.programs.at(0).bytes.empty(); }

void expectEqualRuns(const std::shared_ptr<const Engine>& a, const std::shared_ptr<const Engine>& b,
                     const TensorMap& inputs) {
  EXPECT_EQ(a->text(), b->text()) << "the same kernels on the same operands";
  EXPECT_EQ(Context(a).run(inputs), Context(b).run(inputs));
}

TEST_F(PlanTest, GivesTheSameEngineInEveryPrecision) {
  const TensorMap inputs{{"x", test::portableRandom({1, 3, 8, 8}, 5, -1, 1)}};
  for (const Precision precision : {Precision::Fp32, Precision::Fp16}) {
    EngineOptions options;
    options.precision = precision;
    options.description = R"({"task": "classification"})";
    const auto built = build(smallNetwork(), options);
    built->save(file("net.plan"));
    EXPECT_TRUE(isPlan(file("net.plan")));
    const auto loaded = load(file("net.plan"));
    EXPECT_EQ(loaded->name(), "small\xff");
    EXPECT_EQ(loaded->precision(), precision);
    EXPECT_EQ(loaded->description(), options.description);
    EXPECT_EQ(loaded->precisions().size(), built->precisions().size());
    EXPECT_EQ(loaded->tuning().planned, loaded->tuning().problems);
    EXPECT_GT(loaded->tuning().planned, 0u);
    expectEqualRuns(built, loaded, inputs);
    loaded->save(file("again.plan"));
    EXPECT_EQ(bytesOf(file("net.plan")), bytesOf(file("again.plan"))) << "a plan of a plan is the same file";
  }
}

TEST_F(PlanTest, HoldsInt8WithItsScales) {
  Graph graph = smallNetwork();
  Calibration calibration;
  for (const auto& name : tensorsToCalibrate(graph)) calibration.scales[name] = 0.03f;
  EngineOptions options;
  options.precision = Precision::Int8;
  options.calibration = calibration;
  options.optimized = true;
  const auto built = build(std::move(graph), options);
  built->save(file("int8.plan"));
  const auto loaded = load(file("int8.plan"));
  ASSERT_EQ(loaded->precisions().size(), built->precisions().size());
  EXPECT_EQ(built->precisions()[0].precision, Precision::Int8);
  for (std::size_t i = 0; i < built->precisions().size(); ++i) {
    EXPECT_EQ(loaded->precisions()[i].precision, built->precisions()[i].precision);
    EXPECT_EQ(loaded->precisions()[i].reason, built->precisions()[i].reason);
  }
  expectEqualRuns(built, loaded, {{"x", test::portableRandom({1, 3, 8, 8}, 5, -1, 1)}});
}

TEST_F(PlanTest, EqualEnginesGiveEqualBytes) {
  build(smallNetwork())->save(file("a.plan"));
  build(smallNetwork())->save(file("b.plan"));
  EXPECT_EQ(bytesOf(file("a.plan")), bytesOf(file("b.plan")));
}

TEST_F(PlanTest, OfAnotherDeviceRunsWithKernelsChosenAnew) {
  const auto built = build(smallNetwork());
  built->save(file("net.plan"));
  Plan plan = readPlan(file("net.plan"));
  ASSERT_EQ(plan.devices.size(), 1u);
  const PlanDevice own = plan.devices[0];
  plan.devices[0].fingerprint += " of tomorrow";
  writePlan(file("other.plan"), plan);
  const auto loaded = load(file("other.plan"));
  EXPECT_EQ(loaded->tuning().planned, 0u);
  const TensorMap inputs{{"x", test::portableRandom({1, 3, 8, 8}, 5, -1, 1)}};
  EXPECT_EQ(Context(loaded).run(inputs), Context(built).run(inputs));
  // A section for this device goes beside the other's.
  built->appendTo(file("other.plan"));
  const Plan both = readPlan(file("other.plan"));
  ASSERT_EQ(both.devices.size(), 2u);
  EXPECT_EQ(both.devices[1], own);
  EXPECT_GT(load(file("other.plan"))->tuning().planned, 0u);
  built->appendTo(file("other.plan"));
  EXPECT_EQ(readPlan(file("other.plan")).devices.size(), 2u) << "replaced, not added again";
}

TEST_F(PlanTest, ARecipeThatDoesNotHoldIsNotUsed) {
  build(smallNetwork())->save(file("net.plan"));
  Plan plan = readPlan(file("net.plan"));
  for (const std::string& recipe :
       {std::string("conv|no_such_family/1|1,1>1|"), std::string("|||"), std::string()}) {
    plan.devices[0].recipe = recipe;
    writePlan(file("wrong.plan"), plan);
    EXPECT_EQ(load(file("wrong.plan"))->tuning().planned, 0u) << recipe;
  }
}

TEST_F(PlanTest, AppendingWantsTheSameNetwork) {
  build(smallNetwork())->save(file("net.plan"));
  const std::string before = bytesOf(file("net.plan"));
  EngineOptions half;
  half.precision = Precision::Fp16;
  EXPECT_THROW(build(smallNetwork(), half)->appendTo(file("net.plan")), Error);
  EXPECT_THROW(build(smallNetwork(2))->appendTo(file("net.plan")), Error);
  EXPECT_EQ(bytesOf(file("net.plan")), before);
}

TEST_F(PlanTest, NoDamagedFileIsUsed) {
  build(smallNetwork())->save(file("net.plan"));
  const std::string whole = bytesOf(file("net.plan"));
  const Plan plan = readPlan(file("net.plan"));
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    std::string damaged = whole;
    // The first pages hold header, table and network; the rest of the draws fall anywhere.
    const std::size_t most = i % 2 ? whole.size() : std::min<std::size_t>(whole.size(), 300);
    const std::size_t at = random() % most;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    writeBytes(file("flipped.plan"), damaged);
    try {
      const Plan read = readPlan(file("flipped.plan"));  // a flip between sections changes nothing
      EXPECT_TRUE(sameNetwork(read, plan)) << at;
      EXPECT_EQ(read.devices, plan.devices) << at;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::BadCache) << at;
      EXPECT_THAT(e.what(), HasSubstr("flipped.plan"));
    }
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{20}, std::size_t{60},
                                 whole.size() / 2, whole.size() - 1}) {
    writeBytes(file("short.plan"), whole.substr(0, size));
    EXPECT_THAT(refusal(file("short.plan")), HasSubstr("short.plan")) << size;
  }
  writeBytes(file("long.plan"), whole + "x");
  EXPECT_THAT(refusal(file("long.plan")), HasSubstr("follows its end"));
  std::string newer = whole;
  newer[8] = 9;
  writeBytes(file("newer.plan"), newer);
  EXPECT_THAT(refusal(file("newer.plan")), HasSubstr("format 9"));
  writeBytes(file("foreign.plan"), "not a plan at all");
  EXPECT_THAT(refusal(file("foreign.plan")), HasSubstr("no plan"));
  EXPECT_FALSE(isPlan(file("foreign.plan")));
  EXPECT_THAT(refusal(file("missing.plan")), HasSubstr("missing.plan"));
  EXPECT_FALSE(isPlan(folder_.path()));
}

TEST_F(PlanTest, SavingThatFailsLeavesTheOldFile) {
  build(smallNetwork())->save(file("net.plan"));
  const std::string before = bytesOf(file("net.plan"));
  EXPECT_THROW(build(smallNetwork())->save(folder_.path() / "no folder" / "net.plan"), Error);
  EXPECT_EQ(bytesOf(file("net.plan")), before);
}

TEST_F(PlanTest, BringsProgramsAndPackedWeights) {
  build(smallNetwork())->save(file("net.plan"));
  const Plan plan = readPlan(file("net.plan"));
  ASSERT_FALSE(plan.devices.at(0).parts.programs.empty());
  const auto loaded = load(file("net.plan"));
  const Engine::Impl& impl = loaded->impl();
  if (givesBinaries(plan)) {
    EXPECT_EQ(impl.programs.planned(), impl.programs.size());
  }
  std::size_t packings = 0;  // a GPU's kernels may read the constants themselves
  for (const Step& step : impl.lowered.steps) packings += step.launch.packed.size();
  EXPECT_EQ(plan.devices[0].parts.weights.size(), packings);
  EXPECT_EQ(impl.plannedWeights, packings);
  if (test::device().caps().isCpu()) {
    EXPECT_GT(packings, 0u);
  }

  savePlan(*build(smallNetwork()), file("lean.plan"), {.programs = false, .weights = false});
  EXPECT_LT(fs::file_size(file("lean.plan")), fs::file_size(file("net.plan")));
  const auto lean = load(file("lean.plan"));
  EXPECT_EQ(lean->impl().programs.planned(), 0u);
  EXPECT_EQ(lean->impl().plannedWeights, 0u);
  expectEqualRuns(loaded, lean, someInputs());
}

TEST_F(PlanTest, AProgramThatTheDriverRefusesIsCompiled) {
  const auto built = build(smallNetwork());
  built->save(file("net.plan"));
  Plan plan = readPlan(file("net.plan"));
  if (!givesBinaries(plan)) GTEST_SKIP() << "the driver gives no binaries";
  for (ProgramBinary& program : plan.devices[0].parts.programs)
    program.bytes = KeptBytes(std::vector<std::byte>(100, std::byte{'x'}));
  writePlan(file("refused.plan"), plan);
  const auto loaded = load(file("refused.plan"));
  EXPECT_EQ(loaded->impl().programs.planned(), 0u);
  EXPECT_GT(loaded->tuning().planned, 0u) << "the recipe holds all the same";
  expectEqualRuns(built, loaded, someInputs());
  const PlanReport report = checkPlan(file("refused.plan"), test::device());
  ASSERT_TRUE(report.used());
  EXPECT_EQ(report.sections[0].programsUsed, 0u);
  EXPECT_THAT(report.sections[0].dropped.at(0), HasSubstr("refuses"));
}

TEST_F(PlanTest, WeightsOfAKernelThatChangedArePackedAnew) {
  const auto built = build(smallNetwork());
  built->save(file("net.plan"));
  Plan plan = readPlan(file("net.plan"));
  for (ProgramBinary& program : plan.devices[0].parts.programs) program.identity += " of another build";
  for (PlannedWeights& weights : plan.devices[0].parts.weights)
    weights.bytes = KeptBytes(std::vector<std::byte>(weights.bytes.size()));  // zeros
  writePlan(file("changed.plan"), plan);
  const auto loaded = load(file("changed.plan"));
  EXPECT_EQ(loaded->impl().programs.planned(), 0u);
  EXPECT_EQ(loaded->impl().plannedWeights, 0u);
  expectEqualRuns(built, loaded, someInputs());
  const PlanReport report = checkPlan(file("changed.plan"), test::device());
  EXPECT_EQ(report.sections.at(0).packingsUsed, 0u);
  EXPECT_FALSE(report.sections[0].dropped.empty());
}

TEST_F(PlanTest, AProgramOfAFileThatOthersMayWriteIsNotUsed) {
  build(smallNetwork())->save(file("net.plan"));
  ASSERT_EQ(::chmod(file("net.plan").c_str(), 0666), 0);
  const auto loaded = load(file("net.plan"));
  EXPECT_EQ(loaded->impl().programs.planned(), 0u);
  EXPECT_GT(loaded->tuning().planned, 0u);
}

TEST_F(PlanTest, ADeviceWithOtherFeaturesIsAnother) {
  build(smallNetwork())->save(file("net.plan"));
  Plan plan = readPlan(file("net.plan"));
  plan.devices[0].features += ",amx";
  writePlan(file("other.plan"), plan);
  EXPECT_EQ(load(file("other.plan"))->tuning().planned, 0u);
  const PlanReport report = checkPlan(file("other.plan"), test::device());
  EXPECT_FALSE(report.used());
  EXPECT_THAT(report.sections.at(0).why, HasSubstr("amx"));
}

TEST_F(PlanTest, ACheckSaysWhatIsUsedAndWhy) {
  build(smallNetwork())->save(file("net.plan"));
  const PlanReport report = checkPlan(file("net.plan"), test::device());
  EXPECT_TRUE(report.used());
  EXPECT_EQ(report.goldenOutputs, 1u);
  EXPECT_EQ(report.bytes, fs::file_size(file("net.plan")));
  ASSERT_EQ(report.sections.size(), 1u);
  EXPECT_GT(report.sections[0].kernels, 0u);
  EXPECT_EQ(report.sections[0].packingsUsed, report.sections[0].packings);
  Plan plan = readPlan(file("net.plan"));
  const std::string driver = test::device().caps().driver;
  std::string& fingerprint = plan.devices[0].fingerprint;
  fingerprint.replace(fingerprint.find("|" + driver), driver.size() + 1, "|0.1");
  writePlan(file("older.plan"), plan);
  EXPECT_THAT(checkPlan(file("older.plan"), test::device()).sections.at(0).why,
              HasSubstr("driver 0.1, here is " + driver));
  plan.devices[0].fingerprint = "Some platform|Some GPU|1|cu1|wg1|lm1";
  writePlan(file("foreign.plan"), plan);
  EXPECT_THAT(checkPlan(file("foreign.plan"), test::device()).sections.at(0).why, HasSubstr("Some GPU"));
}

TEST_F(PlanTest, ChecksItself) {
  const auto built = build(smallNetwork());
  EXPECT_FALSE(selfCheck(*built)) << "it came from no plan";
  built->save(file("net.plan"));
  const auto check = selfCheck(*load(file("net.plan")));
  ASSERT_TRUE(check);
  EXPECT_EQ(check->outputs, 1u);
  EXPECT_TRUE(check->exact) << "the same kernels on the same device";

  Plan plan = readPlan(file("net.plan"));
  for (double& sample : plan.golden.outputs.at(0).samples) sample += 1;
  plan.golden.outputs[0].checksum = {};
  writePlan(file("wrong.plan"), plan);
  const auto loaded = load(file("wrong.plan"));  // made for this device: nothing was checked yet
  try {
    selfCheck(*loaded);
    FAIL() << "it computes something else";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::DeviceError);
    EXPECT_THAT(e.what(), HasSubstr("'y'"));
  }
  plan.devices[0].fingerprint += " of tomorrow";
  writePlan(file("wrong.plan"), plan);
  EXPECT_THROW(load(file("wrong.plan")), Error) << "after a driver change the check comes by itself";
  EXPECT_THROW(built->appendTo(file("wrong.plan")), Error);
  for (double& sample : plan.golden.outputs[0].samples) sample -= 1 + 1e-6;
  writePlan(file("near.plan"), plan);
  EXPECT_FALSE(selfCheck(*load(file("near.plan")))->exact) << "another order of sums";
}

TEST_F(PlanTest, AKillWhileSavingLeavesAWholeFile) {
  build(smallNetwork(1))->save(file("a.plan"));
  build(smallNetwork(2))->save(file("b.plan"));
  const Plan a = readPlan(file("a.plan")), b = readPlan(file("b.plan"));
  writePlan(file("net.plan"), a);
  std::mt19937 random(3);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0)
      for (;;) writePlan(file("net.plan"), b), writePlan(file("net.plan"), a);
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 20000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const Plan left = readPlan(file("net.plan"));
    EXPECT_TRUE(sameNetwork(left, a) || sameNetwork(left, b)) << i;
  }
}

TEST_F(PlanTest, PackedWeightsStayInTheFile) {
  if (!test::device().caps().pocl) GTEST_SKIP() << "the device does not compute in the host's memory";
  build(smallNetwork())->save(file("net.plan"));
  const auto loaded = load(file("net.plan"));
  std::size_t there = 0;
  for (const auto& buffers : loaded->impl().packed)
    for (const cl::Buffer& buffer : buffers)
      if (buffer.getInfo<CL_MEM_SIZE>() > 16) {
        EXPECT_TRUE(buffer.getInfo<CL_MEM_FLAGS>() & CL_MEM_USE_HOST_PTR);
        ++there;
      }
  EXPECT_GT(there, 0u);
  std::filesystem::remove(file("net.plan"));  // what is mapped stays
  expectEqualRuns(build(smallNetwork()), loaded, someInputs());
}

std::size_t residentBytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(PlanTest, ConstantsTakeNoMemoryBesidePackedWeights) {
  constexpr std::int64_t kWidth = 3000;
  const auto wide = [&] {
    Graph g;
    g.name = "wide";
    const TensorId x = g.addInput("x", DataType::Float32, {1, kWidth});
    const TensorId w = g.addConstant("w", test::portableRandom({kWidth, kWidth}, 1, -1, 1));
    g.markOutput(g.add("FullyConnected", "fc", {x, w, kNoTensor}, {}, {"y"}));
    return g;
  };
  std::uint64_t hash = 0;
  {
    const auto built = build(wide());
    built->save(file("wide.plan"));
    hash = built->graph().hash();
  }
  ::malloc_trim(0);
  const std::size_t before = residentBytes();
  const auto loaded = load(file("wide.plan"));
  const std::size_t after = residentBytes(), weights = loaded->memory().weights;
  EXPECT_GE(weights, std::size_t{kWidth} * kWidth * 4);
  if (test::device().caps().pocl) {
    EXPECT_LT(after, before + weights * 12 / 10 + (std::size_t{4} << 20));
  }
  EXPECT_EQ(loaded->graph().hash(), hash) << "read again";
  loaded->save(file("again.plan"));
  EXPECT_EQ(bytesOf(file("wide.plan")), bytesOf(file("again.plan")));
}

}  // namespace
}  // namespace tessera
