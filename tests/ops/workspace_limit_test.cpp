// A limit of the workspace: what is above it is not offered, wherever it would come from, and the report says
// what that cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exec/engine_impl.hpp"
#include "lower/workspace.hpp"
#include "tessera/context.hpp"
#include "tests/support/compare.hpp"
#include "tests/support/devices.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/int8_network.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/shaped_networks.hpp"

namespace tessera {
namespace {

using namespace test;
using testing::HasSubstr;

// Convolutions of 3x3 that families with scratch like, of two sizes.
Graph network() {
  Graph g;
  g.name = "wide";
  TensorId x = g.addInput("x", DataType::Float32, {1, 64, 28, 28});
  unsigned seed = 1;
  for (const char* name : {"first", "second", "third"}) {
    const TensorId w =
        g.addConstant(std::string(name) + ".w", portableRandom({64, 64, 3, 3}, seed++, -0.1, 0.1));
    Attributes attrs{{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
    if (seed == 3) attrs.set("strides", std::vector<std::int64_t>{2, 2});
    x = g.add("Convolution", name, {x, w}, attrs);
  }
  g.markOutput(x);
  return g;
}

std::shared_ptr<const Engine> build(std::optional<std::size_t> limit) {
  EngineOptions options = untuned();
  options.tuning.workspaceLimit = limit;
  return Engine::build(network(), device(), options);
}

const std::vector<Step>& stepsOf(const Engine& engine) { return engine.impl().lowered.steps; }

std::size_t mostOf(const Engine& engine) {
  std::size_t most = 0;
  for (const Step& step : stepsOf(engine)) most = std::max(most, workspaceOf(step.launch));
  return most;
}

std::string familyOf(const Step& step) {
  return std::string(step.family->id().name) + (step.tactic.values().empty() ? "" : " " + step.tactic.text());
}

TEST(WorkspaceLimit, IsExact) {
  const auto free = build(std::nullopt);
  const std::size_t most = mostOf(*free);
  ASSERT_GT(most, 0u) << free->text();
  EXPECT_TRUE(free->tuning().limited.empty());

  const auto same = build(most);
  EXPECT_EQ(same->text(), free->text());
  EXPECT_TRUE(same->tuning().limited.empty());

  const TensorMap inputs{{"x", portableRandom({1, 64, 28, 28}, 9, -1, 1)}};
  const HostTensor expected = Context(free).run(inputs).begin()->second;
  for (const std::size_t limit : {most - 1, std::size_t{1} << 12, std::size_t{0}}) {
    const auto limited = build(limit);
    EXPECT_LE(mostOf(*limited), limit) << limited->text();
    std::vector<std::string> above, named;
    for (const Step& step : stepsOf(*free))
      if (workspaceOf(step.launch) > limit) above.push_back(step.layer);
    for (const LimitedLayer& layer : limited->tuning().limited) {
      named.push_back(layer.layer);
      const auto wanted = std::ranges::find(stepsOf(*free), layer.layer, &Step::layer);
      const auto taken = std::ranges::find(stepsOf(*limited), layer.layer, &Step::layer);
      EXPECT_EQ(layer.wanted, familyOf(*wanted));
      EXPECT_EQ(layer.workspace, workspaceOf(wanted->launch));
      EXPECT_EQ(layer.taken, familyOf(*taken));
      EXPECT_NE(layer.taken, layer.wanted);
    }
    EXPECT_EQ(named, above) << "the layers above " << limit << " and no others";
    EXPECT_EQ(compare(Context(limited).run(inputs).begin()->second, expected, {1e-4, 1e-3}), "");
  }
}

TEST(WorkspaceLimit, HoldsForPlans) {
  const Folder folder;
  const auto file = folder / "net.plan";
  const auto free = build(std::nullopt);
  free->save(file);
  TuneOptions tuning = untuned().tuning;
  tuning.workspaceLimit = mostOf(*free);
  const auto fits = Engine::load(file, device(), tuning);
  EXPECT_EQ(fits->tuning().planned, fits->tuning().problems);
  EXPECT_EQ(fits->text(), free->text());

  --*tuning.workspaceLimit;
  const auto limited = Engine::load(file, device(), tuning);
  EXPECT_EQ(limited->tuning().planned, 0u) << "the plan's kernels are above the limit";
  EXPECT_LE(mostOf(*limited), *tuning.workspaceLimit);
  EXPECT_FALSE(limited->tuning().limited.empty());
}

TEST(WorkspaceLimit, NamesTheLayerThatNothingRunsWithin) {
  Graph g;
  g.name = "boxes";
  const TensorId boxes = g.addInput("boxes", DataType::Float32, {1, 64, 4});
  const TensorId scores = g.addInput("scores", DataType::Float32, {1, 2, 64});
  const Layer nms =
      g.addLayer("NonMaxSuppression", "nms", {boxes, scores},
                 {{"max_output_boxes_per_class", 8}, {"iou_threshold", 0.5}}, {"rows", "count"});
  for (const TensorId output : nms.outputs) g.markOutput(output);
  EngineOptions options = untuned();
  EXPECT_NO_THROW(Engine::build(g, device(), options));
  options.tuning.workspaceLimit = 16;
  const std::string why = refusal([&] { Engine::build(g, device(), options); }, ErrorCode::Unsupported);
  EXPECT_THAT(why, HasSubstr("'nms'"));
  EXPECT_THAT(why, HasSubstr("more than the limit of 16 bytes"));
}

}  // namespace
}  // namespace tessera
