// A trained network from its plan: nothing is compiled or packed.
#include <algorithm>
#include <ctime>

#include "exec/engine_impl.hpp"
#include "tessera/plan.hpp"
#include "tests/models/networks.hpp"
#include "tests/support/folder.hpp"

namespace tessera {
namespace {

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

}  // namespace
}  // namespace tessera
