// Tuning on a real device: planted kernels that are wrong, hang or crash; kills; the tessera-tune program.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <random>

#include "tessera/context.hpp"
#include "tests/apps/program.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/support.hpp"
#include "tune/defaults.hpp"
#include "tune/records/record_store.hpp"

namespace tessera::test {
namespace {

const char* kProblem = "Convolution{pads=[1,1,1,1]}(f32:1x16x12x20,f32:16x16x3x3:c)->(f32:1x16x12x20)";

HostTensor values(Shape shape, unsigned seed) {
  HostTensor t(DataType::Float32, std::move(shape));
  std::mt19937 random(seed);
  for (float& v : t.as<float>()) v = std::uniform_real_distribution<float>(-1, 1)(random);
  return t;
}

Graph network() {
  Graph graph;
  graph.name = "planted";
  const TensorId x = graph.addInput("x", DataType::Float32, {1, 16, 12, 20});
  const TensorId w = graph.addConstant("w", values({16, 16, 3, 3}, 1));
  graph.markOutput(
      graph.add("Convolution", "conv", {x, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}));
  return graph;
}

std::vector<float> run(const Engine& engine, const std::shared_ptr<const Engine>& shared) {
  const TensorMap outputs = Context(shared).run({{"x", values({1, 16, 12, 20}, 2)}});
  const auto y = outputs.at(engine.bindings().back().name).as<float>();
  return {y.begin(), y.end()};
}

std::vector<TacticRecord> recordsIn(const fs::path& folder) {
  return RecordStore(folder, device().caps()).tactics();
}

// Puts `statement` at the beginning of a family's kernel, in a folder of kernels of its own.
void plant(const fs::path& folder, const std::string& family, const std::string& statement) {
  fs::copy(test::sourceFolder() / "clkernels", folder, fs::copy_options::recursive);
  const fs::path file = folder / family / (family + ".cl");
  std::string text = app::readFile(file);
  const auto kernel = text.find(family + "(", text.find("__kernel"));
  ASSERT_NE(kernel, std::string::npos);
  const auto body = text.find('{', kernel);
  ASSERT_NE(body, std::string::npos);
  text.insert(body + 1, "\n  " + statement + "\n");
  writeText(file, text);
}

class Planted : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Planted, KernelIsRejectedAndRecordedAndTheModelIsRight) {
  if (!device().caps().pocl) GTEST_SKIP() << "the planted kernel is one for CPUs";
  const Folder folder;
  const auto untuned = [] {
    EngineOptions options;
    options.tuning.mode = TuneMode::Off;
    return Engine::build(network(), device(), options);
  }();
  const auto expected = run(*untuned, untuned);
  std::string family;  // which one runs untuned depends on the processor
  for (const LayerInfo& layer : untuned->layers())
    if (layer.op == "Convolution") family = layer.family;
  plant(folder / "kernels", family, GetParam().second);
  setenv("TESSERA_KERNEL_DIR", (folder / "kernels").c_str(), 1);
  EngineOptions options;
  options.tuning.mode = TuneMode::Fast;
  options.tuning.seconds = 6;
  options.tuning.folder = folder / "records";
  options.tuning.worker = {(test::binFolder() / "tessera").string(), "--tune-worker"};
  options.tuning.patience = 3;
  for (const bool first : {true, false}) {
    const auto engine = Engine::build(network(), device(), options);
    if (first)
      EXPECT_GT(engine->tuning().bad, 0u);
    else
      EXPECT_EQ(engine->tuning().candidates, 0u) << "a bad candidate is not tried again";
    for (const LayerInfo& layer : engine->layers()) EXPECT_NE(layer.family, family);
    const auto actual = run(*engine, engine);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-4) << i;
  }
  unsetenv("TESSERA_KERNEL_DIR");
  int bad = 0;
  for (const TacticRecord& record : recordsIn(folder / "records"))
    if (record.bad) {
      ++bad;
      EXPECT_EQ(record.family.rfind(family + "/", 0), 0u);
      EXPECT_NE(record.reason.find(GetParam().first), std::string::npos) << record.reason;
    }
  EXPECT_GT(bad, 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, Planted,
    testing::Values(std::pair("elements are wrong",
                              "if (get_global_id(0) == 0 && get_global_id(1) == 0) return;"),
                    std::pair("it hung", "volatile int forever = 1; while (forever) {}"),
                    std::pair("it crashed", "*(volatile __global int*)8 = 1;")),
    [](const auto& param) {
      return std::string(std::array{"Wrong", "Hanging", "Crashing"}[param.index]);
    });

// tessera-tune on a problem that no earlier run of the test knows, as a process of its own.
pid_t startTuning(const fs::path& cache, int width) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child != 0) return child;
  setenv("TESSERA_CACHE_DIR", cache.c_str(), 1);
  freopen("/dev/null", "w", stdout);
  const std::string program = (test::binFolder() / "tessera-tune").string();
  const std::string w = std::to_string(width);
  const std::string problem =
      "Convolution{pads=[1,1,1,1]}(f32:1x16x12x" + w + ",f32:16x16x3x3:c)->(f32:1x16x12x" + w + ")";
  execl(program.c_str(), "tessera-tune", "--device", device().caps().name.c_str(), "--problem",
        problem.c_str(), "--budget", "1", nullptr);
  _exit(127);
}

TEST(TuneProgram, KilledAtAnyMomentLosesAtMostTheCandidateInFlight) {
  using Clock = std::chrono::steady_clock;
  const Folder folder;
  std::mt19937 random(5);
  std::size_t before = 0;
  int killed = 0;
  // How long a run takes is learnt on the way, first from one that nobody kills.
  auto whole = std::chrono::duration_cast<Clock::duration>(std::chrono::seconds(60));
  for (int run = 0; killed < 20 && run < 80; ++run) {
    const auto start = Clock::now();
    const double share = run == 0 ? 1 : std::uniform_real_distribution<>(0.02, 0.9)(random);
    const auto moment = start + std::chrono::duration_cast<Clock::duration>(whole * share);
    const pid_t child = startTuning(folder.path(), 20 + run);
    int status = 0;
    pid_t ended = 0;
    while (ended == 0 && Clock::now() < moment) {
      usleep(2000);
      ended = waitpid(child, &status, WNOHANG);
    }
    if (ended == child) {
      whole = Clock::now() - start;
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    } else {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      killed += WIFSIGNALED(status);
    }
    std::size_t lines = 0, valid = 0;
    for (const auto& file : fs::directory_iterator(folder.path())) {
      if (file.path().extension() != ".tactics") continue;
      std::ifstream in(file.path());
      for (std::string line; std::getline(in, line);) {
        ++lines;
        valid += parseRecord(line).has_value();
      }
    }
    EXPECT_EQ(lines, valid);
    EXPECT_GE(valid, before) << "nothing that was recorded is lost";
    before = valid;
  }
  EXPECT_EQ(killed, 20);
  EXPECT_GT(before, 0u) << "some runs came far enough to record something";
}

// Of those with parameters.
std::string fastestFamily(const app::Json& records) {
  double fastest = 1e9;
  std::string family;
  for (const auto& r : records)
    if (!r["bad"] && !r["tactic"].get<std::string>().empty() && r["ms"].get<double>() < fastest &&
        r["family"].get<std::string>().rfind("reformat", 0) != 0)
      fastest = r["ms"], family = r["family"];
  return family.substr(0, family.find('/'));
}

TEST(TuneProgram, TunesShowsVerifiesExportsAndImports) {
  const Folder folder;
  const std::string cache = "TESSERA_CACHE_DIR=" + (folder / "cache").string();
  const auto tune = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--device", device().caps().name});
    return runProgram("tessera-tune", arguments, cache);
  };
  const auto first = tune(
      {"--problem", kProblem, "--tune", "fast", "--budget", "3", "--json", (folder / "1.json").string()});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_GT(app::readJson(folder / "1.json")["tuned"][0]["candidates"].get<int>(), 0);
  const auto second = tune({"--problem", kProblem, "--tune", "fast", "--budget", "3", "--json",
                            (folder / "2.json").string(), "--show", "--verify"});
  ASSERT_EQ(second.code, 0) << second.err;
  const auto json = app::readJson(folder / "2.json");
  EXPECT_EQ(json["tuned"][0]["candidates"].get<int>(), 0) << "the second run tunes nothing";
  EXPECT_GT(json["records"].size(), 0u);
  EXPECT_EQ(json["verified"]["wrong"].get<int>(), 0);
  EXPECT_GT(json["verified"]["right"].get<int>(), 0);
  ASSERT_EQ(tune({"--export", (folder / "shipped").string()}).code, 0);
  const auto defaults =
      tune({"--export-defaults", (folder / "defaults").string(), "--json", (folder / "4.json").string()});
  ASSERT_EQ(defaults.code, 0) << defaults.err;
  for (const auto& found : app::readJson(folder / "4.json")["defaults"]) {
    const auto line = DefaultLine::parse(found["line"].get<std::string>());
    EXPECT_EQ(line.deviceClass, device().caps().classes().front());
    EXPECT_GT(found["untuned_ms"].get<double>(), 1.1 * found["ms"].get<double>());
  }
  fs::remove_all(folder / "cache");
  EXPECT_EQ(tune({"--import", (folder / "shipped").string()}).code, 0);
  EXPECT_EQ(
      tune({"--problem", kProblem, "--tune", "fast", "--budget", "3", "--json", (folder / "3.json").string()})
          .code,
      0);
  EXPECT_EQ(app::readJson(folder / "3.json")["tuned"][0]["candidates"].get<int>(), 0)
      << "imported records suffice";
  ASSERT_EQ(tune({"--problem", kProblem, "--heatmap", (folder / "h.png").string(), "--json",
                  (folder / "5.json").string()})
                .code,
            0);
  EXPECT_EQ(app::readJson(folder / "5.json")["heatmap"]["family"], fastestFamily(json["records"]))
      << "the fastest on record";
  EXPECT_EQ(tune({"--import", (folder / "1.json").string()}).code, 1) << "no records";
  writeText(folder / "file", "not a folder");
  EXPECT_EQ(runProgram("tessera-tune",
                       {"--device", device().caps().name, "--import", (folder / "shipped").string()},
                       "TESSERA_CACHE_DIR=" + (folder / "file").string())
                .code,
            1)
      << "imported to nowhere";
  EXPECT_EQ(tune({}).code, 2) << "nothing to do";
  EXPECT_EQ(tune({"--problem", "Identity{}(f32:1x4x8x8)->(f32:1x4x8x9)", "--tune", "fast"}).code, 1)
      << "another output";
  EXPECT_EQ(tune({"--problem", "Convolution{", "--tune", "fast"}).code, 1);
}

TEST(TuneProgram, DrawsAHeatmap) {
  if (!device().caps().pocl) GTEST_SKIP() << "the family is one for CPUs";
  const Folder folder;
  const auto result =
      runProgram("tessera-tune", {"--device", device().caps().name, "--problem", kProblem, "--heatmap",
                                  (folder / "h.png").string(), "--family", "conv_direct", "--axes",
                                  "PANEL,TK", "--json", (folder / "h.json").string()});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_GT(fs::file_size(folder / "h.png"), 1000u);
  EXPECT_GT(app::readJson(folder / "h.json")["heatmap"]["cells"].size(), 0u);
}

TEST(Tuning, ACacheFolderThatIsNoneStopsNothing) {
  const Folder folder;
  writeText(folder / "file", "not a folder");
  EngineOptions options;
  options.tuning.mode = TuneMode::Fast;
  options.tuning.seconds = 1;
  options.tuning.folder = folder / "file";
  EXPECT_GT(Engine::build(network(), device(), options)->tuning().candidates, 0u);
}

}  // namespace
}  // namespace tessera::test
