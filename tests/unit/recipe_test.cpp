// Recipes: how a network runs, as a value.
#include "lower/recipe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lower/recipe_chooser.hpp"
#include "tests/support/invented_device.hpp"

namespace tessera {
namespace {

// Branches that meet in a concatenation written in place, a view, and names that need care.
Graph network(std::int64_t channels = 32) {
  Graph g;
  g.name = "branches";
  TensorId x = g.addInput("x", DataType::Float32, {1, 16, 12, 12});
  const auto conv = [&](const std::string& name, TensorId in, std::int64_t out) {
    const HostTensor weights(DataType::Float32, {out, g.tensor(in).shape[1], 3, 3});
    return g.add("Convolution", name, {in, g.addConstant(name + ".w", weights)},
                 {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  };
  x = conv("stem|1 of%2", x, channels);
  const TensorId left = conv("~left\tbranch", x, 16), right = conv("right;\xc3\xa4", x, 16);
  const TensorId both = g.add("Concat", "both", {left, right}, {{"axis", 1}, {"in_place", 1}});
  const TensorId flat = g.add("Reshape", "flat", {conv("last", both, 5)},
                              {{"shape", std::vector<std::int64_t>{1, 5 * 12 * 12}}});
  g.markOutput(flat);
  return g;
}

const DeviceCaps& cpu() {
  static const DeviceCaps caps = test::inventedCpu(true);
  return caps;
}

Recipe recipe(const Graph& g = network(), LayoutChoice layouts = LayoutChoice::Greedy) {
  // Winograd and planar kernels win here and there, so that layouts change along the network.
  const TimeSource times = [](const KernelFamily& family, const OpView& view) -> std::optional<double> {
    if (view.op != "Convolution") return std::nullopt;
    return family.id().name == "conv_direct" ? 1e-4 : 1e-6 * static_cast<double>(view.outputs[0].shape[1]);
  };
  return chooseRecipe(g, cpu(), fallbackTactics(cpu()), times, layouts).recipe;
}

void expectMisfit(const Graph& g, const Recipe& changed, const std::string& why) {
  try {
    lowerGraph(g, cpu(), changed);
    ADD_FAILURE() << "lowered: " << changed.text();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::BadCache);
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr("branches"), testing::HasSubstr(why)));
  }
}

TEST(Recipe, GivesTheSameNetworkAgain) {
  for (const LayoutChoice layouts : {LayoutChoice::Estimated, LayoutChoice::Greedy, LayoutChoice::Planned}) {
    const Recipe chosen = recipe(network(), layouts);
    const Lowered once = lowerGraph(network(), cpu(), chosen), again = lowerGraph(network(), cpu(), chosen);
    EXPECT_EQ(once.text(), again.text());
    EXPECT_EQ(recipeOf(once), chosen);
    EXPECT_EQ(once.storages.size(), again.storages.size());
  }
}

TEST(Recipe, ReadsBackFromItsText) {
  const Recipe chosen = recipe();
  const std::string text = chosen.text();
  EXPECT_EQ(text.find_first_of("\t\n"), std::string::npos) << text;
  EXPECT_EQ(Recipe::parse(text), chosen) << text;
  EXPECT_EQ(Recipe::parse(""), Recipe());
}

TEST(Recipe, TextThatIsNoneIsRefused) {
  const std::string text = recipe().text();
  for (const std::string& damaged :
       {text + " ", text + "|", std::string("a"), std::string("a|b|1>1"), std::string("a|b|x>1|"),
        std::string("a|b|0>1|"), std::string("a|b|1,>1|"), std::string("a|b|1|T=1"),
        std::string("a%4|b|1>1|"), std::string("a%zz|b|1>1|"), std::string("a|b|1>1|T"),
        std::string("a|b|1>1||")})
    EXPECT_THROW(Recipe::parse(damaged), Error) << damaged;
}

TEST(Recipe, OfAnotherNetworkIsRefusedWithTheReason) {
  const Graph g = network();
  const Recipe chosen = recipe();
  Recipe changed = chosen;
  changed.steps.pop_back();
  expectMisfit(g, changed, "ends before");
  changed = chosen;
  changed.steps.push_back(chosen.steps.back());
  expectMisfit(g, changed, "goes on after");
  for (std::size_t i = 0; i < chosen.steps.size(); ++i) {
    changed = chosen;
    changed.steps[i].layer += "x";
    expectMisfit(g, changed, chosen.steps[i].layer);
    changed = chosen;
    changed.steps[i].family = "conv_imagined/1";
    expectMisfit(g, changed, "conv_imagined/1");
    changed = chosen;
    changed.steps[i].tactic.set("IMAGINED", 3);
    expectMisfit(g, changed, "IMAGINED");
    changed = chosen;
    changed.steps[i].inputs.push_back(1);
    expectMisfit(g, changed, chosen.steps[i].layer);
  }
  EXPECT_THROW(lowerGraph(network(48), cpu(), Recipe()), Error);
}

}  // namespace
}  // namespace tessera
