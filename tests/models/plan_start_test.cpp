// A trained network from its plan: nothing is compiled or packed.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "apps/common/files.hpp"
#include "bench/reference_networks.hpp"
#include "exec/engine_impl.hpp"
#include "tessera/plan.hpp"
#include "tests/models/networks.hpp"
#include "tests/support/folder.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Seconds of this process's processors, which other processes do not change.
template <class Work>
double processorSeconds(Work&& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

TEST(PlanStart, EspNetIsLoadedWithItsProgramsAndWeights) {
  TESSERA_NEEDS_SHARED();
  const std::string model =
      (test::sharedFolder() / "models/espnet/espnet_cityscapes_1x3x512x1024.onnx").string();
  const test::Folder folder;
  const auto plan = folder / "espnet.plan";
  EngineOptions options;
  options.tuning.folder = "";
  const auto build = [&] { return Engine::build(app::loadModel(model, 1), test::device(), options); };
  const auto built = build();
  built->save(plan);  // runs it: what a first run compiles is there from now on
  const auto load = [&] { return Engine::load(plan, test::device(), options.tuning); };
  const auto loaded = load();
  const Engine::Impl& impl = loaded->impl();
  EXPECT_EQ(impl.programs.planned(), impl.programs.size());
  EXPECT_GT(impl.plannedWeights, 0u);
  const auto check = selfCheck(*loaded);
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->exact);
  // For docs/performance.md: no test depends on times.
  double building = 1e9, loading = 1e9;
  for (int i = 0; i < 3; ++i) {
    building = std::min(building, processorSeconds(build));
    loading = std::min(loading, processorSeconds(load));
  }
  RecordProperty("building_ms", static_cast<int>(building * 1e3));
  RecordProperty("loading_ms", static_cast<int>(loading * 1e3));
}

std::size_t residentBytes() {
  std::size_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

constexpr const char* kPlan = "TESSERA_TEST_PLAN";

// What the test below runs in a process of its own, which nobody has used for anything else.
TEST(PlanMemory, DISABLED_OfAFreshProcess) {
  const char* plan = std::getenv(kPlan);
  ASSERT_NE(plan, nullptr);
  TuneOptions untuned;
  untuned.folder = "";
  const Device& device = test::device();
  const std::size_t before = residentBytes();
  const auto loaded = Engine::load(plan, device, untuned);
  const std::size_t grown = residentBytes() - before;
  std::printf("grown %zu weights %zu\n", grown, loaded->memory().weights);
}

// Its constants stay in the mapped file: no time is measured, and what a process holds does not depend on
// others.
TEST(PlanMemory, ResNet50TakesItsWeightsOnce) {
  if (!test::device().caps().pocl) GTEST_SKIP() << "weights are in another memory";
  const auto& networks = bench::referenceNetworks();
  const auto resnet =
      std::ranges::find_if(networks, [](const auto& network) { return network.name == "resnet50"; });
  ASSERT_NE(resnet, networks.end());
  const test::Folder folder;
  const auto plan = folder / "resnet50.plan";
  EngineOptions options;
  options.tuning.folder = "";
  Engine::build(resnet->make(1), test::device(), options)->save(plan);
  const std::string command = std::string(kPlan) + "='" + plan.string() + "' '" +
                              fs::read_symlink("/proc/self/exe").string() +
                              "' --gtest_also_run_disabled_tests --gtest_filter=PlanMemory.DISABLED_* >'" +
                              (folder / "said").string() + "'";
  ASSERT_EQ(std::system(("GTEST_TOTAL_SHARDS=1 GTEST_SHARD_INDEX=0 " + command).c_str()), 0);
  const std::string said = app::readFile(folder / "said");
  std::size_t grown = 0, weights = 0;
  const auto at = said.find("grown ");
  ASSERT_NE(at, std::string::npos) << said;
  ASSERT_EQ(std::sscanf(said.c_str() + at, "grown %zu weights %zu", &grown, &weights), 2);
  EXPECT_GT(weights, std::size_t{97} << 20);
  EXPECT_LE(static_cast<double>(grown), 1.2 * static_cast<double>(weights));
}

}  // namespace
}  // namespace tessera
