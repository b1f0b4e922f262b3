// Untuned networks: layers run by each other's programs where that costs little.
#include "lower/share_programs.hpp"

#include <gtest/gtest.h>

#include <set>

#include "clkernels/common/compares_tactics.hpp"
#include "lower/cost_model.hpp"
#include "lower/recipe_chooser.hpp"
#include "tests/support/invented_device.hpp"

namespace tessera {
namespace {

const DeviceCaps& cpu() {
  static const DeviceCaps caps = test::inventedCpu(true);
  return caps;
}

// A large layer, and small ones of extents that other tiles fit best.
Graph network() {
  Graph g;
  g.name = "tiles";
  TensorId x = g.addInput("x", DataType::Float32, {1, 64, 56, 56});
  const auto conv = [&](const std::string& name, TensorId in, std::int64_t out, std::int64_t size) {
    const HostTensor weights(DataType::Float32, {out, g.tensor(in).shape[1], size, size});
    return g.add("Convolution", name, {in, g.addConstant(name + ".w", weights)});
  };
  x = conv("large", x, 256, 3);
  for (const std::int64_t size : {3, 5, 7, 3, 5, 7})
    x = conv("small" + std::to_string(g.layers().size()), x, size == 5 ? 16 : 32, size);
  g.markOutput(x);
  return g;
}

Lowered loweredUntuned() {
  return lowerGraph(network(), cpu(),
                    chooseRecipe(network(), cpu(), fallbackTactics(cpu()), {}, LayoutChoice::Greedy).recipe);
}

std::set<std::string> programs(const Lowered& lowered) {
  std::set<std::string> texts;
  for (const Step& step : lowered.steps)
    for (const KernelCall& call : step.launch.calls) {
      std::string text = call.source;
      for (const auto& [name, value] : call.defines) text += " " + name + "=" + value;
      texts.insert(text);
    }
  return texts;
}

// Estimated time of `shared` as a multiple of that of `before`.
double cost(const Lowered& shared, const Lowered& before) {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < before.steps.size(); ++i) {
    const Step &a = before.steps[i], &b = shared.steps[i];
    const Problem problem = a.family->problem(a.view);
    const double seconds = estimateSeconds(a.family->cost(problem, cpu()), cpu());
    const auto* compares = dynamic_cast<const ComparesTactics*>(a.family);
    total += seconds;
    sum += compares ? seconds * compares->expected(problem, b.tactic, cpu()) /
                          compares->expected(problem, a.tactic, cpu())
                    : seconds;
  }
  return sum / total;
}

const auto kAll = [](const Step&) { return true; };

TEST(SharePrograms, SparesProgramsForAFewPercent) {
  const Lowered before = loweredUntuned();
  const Lowered shared = lowerGraph(network(), cpu(), sharePrograms(before, cpu(), kAll));
  EXPECT_LT(programs(shared).size(), programs(before).size());
  EXPECT_LE(cost(shared, before), 1.03);
  // With more to spend there are fewer, and what is fixed keeps its program.
  const Lowered dear = lowerGraph(network(), cpu(), sharePrograms(before, cpu(), kAll, 10));
  EXPECT_LE(programs(dear).size(), programs(shared).size());
  const Recipe fixed = sharePrograms(
      before, cpu(), [](const Step&) { return false; }, 10);
  EXPECT_EQ(fixed, recipeOf(before));
}

TEST(SharePrograms, ChangesNothingButTactics) {
  const Lowered before = loweredUntuned();
  const Recipe from = recipeOf(before), to = sharePrograms(before, cpu(), kAll, 10);
  ASSERT_EQ(from.steps.size(), to.steps.size());
  for (std::size_t i = 0; i < from.steps.size(); ++i) {
    RecipeStep step = to.steps[i];
    step.tactic = from.steps[i].tactic;
    EXPECT_EQ(step, from.steps[i]);
  }
  EXPECT_EQ(sharePrograms(before, cpu(), kAll, 10), to);
}

}  // namespace
}  // namespace tessera
